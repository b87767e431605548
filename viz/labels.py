"""Words on screen: token labels of axes, titles."""

from __future__ import annotations

import re
from html import escape
from itertools import zip_longest
from typing import Any

from model import Entry, Trace
from model.anatomy import Block


def query_labels(trace: Trace, entry: Entry) -> tuple[str, ...]:
    """Row labels: the token that a row reads, and where it predicts, "→ what it predicts"."""
    predicts = trace.sides[entry.sides["query"]].predicts
    return tuple(
        f"{token} → {next_}" if next_ else token
        for token, next_ in zip_longest(entry.labels["query"], predicts, fillvalue="")
    )


def sides_of(trace: Trace) -> dict[str, dict[str, Any]]:
    """Each side by its name: how the link says it, its title, the stack over it, its tokens."""
    found = {}
    for side in trace.anatomy.sides:
        stack = trace.anatomy.stack_over(side.name)
        title = f"{side.title.capitalize()}: the {stack.title}'s input"
        tokens = list(trace.sides[side.name].tokens)
        found[side.name] = {"said": side.title, "title": title, "stack": stack.name, "tokens": tokens}
    return found


def head_title(block: Block, layer: int, head: int) -> str:
    """What the screen calls a head; `layer` and `head` count from 1 here."""
    return f"{block.title}, layer {layer}, head {head}"


def plain(text: str) -> str:
    """The text for Plotly, which would otherwise read `<b>` in a token as markup."""
    return escape(text, quote=False)


def literal(text: str) -> str:
    """The text for Streamlit's Markdown, which would otherwise read `**`, `$` or `:red[` in it as markup."""
    sendable = text.encode(errors="backslashreplace").decode()  # half a character (a lone surrogate) is not
    one_line = re.sub(r"([\\`*_\[\]<>~$&|])", r"\\\1", " ".join(sendable.split()))
    return re.sub(r":(?=\S)", ":\N{WORD JOINER}", one_line)
