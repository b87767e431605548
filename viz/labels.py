"""Token labels for axes: what a row reads and, for the target, what it predicts."""

from __future__ import annotations

import re
from html import escape
from itertools import zip_longest

from model import Entry, Trace


def query_labels(trace: Trace, entry: Entry) -> tuple[str, ...]:
    """Row labels: the token that a row reads, and where it predicts, "→ what it predicts"."""
    predicts = trace.sides[entry.sides["query"]].predicts
    return tuple(
        f"{token} → {next_}" if next_ else token
        for token, next_ in zip_longest(entry.labels["query"], predicts, fillvalue="")
    )


def plain(text: str) -> str:
    """The text for Plotly, which would otherwise read `<b>` in a token as markup."""
    return escape(text, quote=False)


def literal(text: str) -> str:
    """The text for Streamlit's Markdown, which would otherwise read `**`, `$` or `:red[` in it as markup."""
    sendable = text.encode(errors="backslashreplace").decode()  # half a character (a lone surrogate) is not
    one_line = re.sub(r"([\\`*_\[\]<>~$&|])", r"\\\1", " ".join(sendable.split()))
    return re.sub(r":(?=\S)", ":\N{WORD JOINER}", one_line)
