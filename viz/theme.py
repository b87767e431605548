"""What things look like, in one place: a colour for each role, scales, number formats, sides' names.

Roles follow the Okabe–Ito palette, which colour-blind readers can tell apart. Weights run from 0 (background)
to 1 on one sequential scale whose lightness falls (in the dark: rises) all the way, so that it survives a
washed-out projector.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

MODES = ("light", "dark")

ROLES: dict[str, dict[str, str]] = {
    "query": {"light": "#0060a8", "dark": "#6db7ff"},
    "key": {"light": "#b84300", "dark": "#ff9a57"},
    "value": {"light": "#00735a", "dark": "#3fd0a4"},
    "output": {"light": "#84318f", "dark": "#dd9be6"},
    "src": {"light": "#e8f1fa", "dark": "#1d2c3d"},
    "tgt": {"light": "#fbf0e0", "dark": "#382c1c"},
}

SEQUENTIAL: dict[str, list[str]] = {
    "light": ["#ffffff", "#d6eff0", "#8fd3d3", "#41a6c4", "#2368ad", "#22307f", "#0c0f3d"],
    "dark": ["#10141b", "#1c2f5c", "#22599c", "#2b8fbf", "#58c4b8", "#b4ea9f", "#fbffd0"],
}

PROBABILITY = ".1%"
WEIGHT_DIGITS = 4
SITES: dict[str, str] = {
    "encoder.self_attn": "Encoder self-attention",
    "decoder.self_attn": "Decoder masked self-attention",
    "decoder.cross_attn": "Cross-attention",
}
SITE_CAPTIONS: dict[str, str] = {
    "encoder.self_attn": "Each source token (row) asks all source tokens (columns) what to take in.",
    "decoder.self_attn": "Each target token (row) asks itself and those before it (columns), none after it.",
    "decoder.cross_attn": "Each target token (row) asks the source tokens (columns) the encoder made.",
}


def head_title(place: str, layer: int, head: int) -> str:
    """What the screen calls a head; `layer` and `head` count from 1 here."""
    return f"{SITES[place]}, layer {layer}, head {head}"


def weight_text(weight: float) -> str:
    """A weight or probability as hover, table, caption and export show it."""
    return f"{weight:.{WEIGHT_DIGITS}f}"


def palette() -> dict[str, Any]:
    """Colours for the browser's instruments."""
    return {
        mode: {"roles": {role: tones[mode] for role, tones in ROLES.items()}, "sequential": SEQUENTIAL[mode]}
        for mode in MODES
    }


def colorscale(mode: str) -> list[list[Any]]:
    """The sequential scale as Plotly wants it."""
    colours = SEQUENTIAL[mode]
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def template() -> go.layout.Template:
    """Plotly's frame: no chart junk, large type, room for token labels."""
    return go.layout.Template(
        layout={
            "font": {"size": 16},
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "hoverlabel": {"font": {"size": 16}},
        }
    )
