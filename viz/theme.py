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
    "what-if": {"light": "#4d1256", "dark": "#f3dff6"},
    "what-if-background": {"light": "#f3dff6", "dark": "#4d1256"},
    "right": {"light": "#33691e", "dark": "#a5d66f"},
    "wrong": {"light": "#b00020", "dark": "#ff8f8f"},
    "source": {"light": "#e8f1fa", "dark": "#1d2c3d"},
    "target": {"light": "#fbf0e0", "dark": "#382c1c"},
}

SEQUENTIAL: dict[str, list[str]] = {
    "light": ["#ffffff", "#d6eff0", "#8fd3d3", "#41a6c4", "#2368ad", "#22307f", "#0c0f3d"],
    "dark": ["#10141b", "#1c2f5c", "#22599c", "#2b8fbf", "#58c4b8", "#b4ea9f", "#fbffd0"],
}

DIVERGING: dict[str, list[str]] = {
    "light": ["#543005", "#a8670f", "#e0bd76", "#ffffff", "#7fcabe", "#1d8a80", "#003c30"],
    "dark": ["#ffd9a0", "#d19a45", "#71501b", "#10141b", "#155a56", "#37a89b", "#b5f3e6"],
}

HEADS: dict[str, list[str]] = {
    "light": ["#0060a8", "#b84300", "#00735a", "#84318f", "#7a5c00", "#a3123f", "#3b5a00", "#4a4a4a"],
    "dark": ["#6db7ff", "#ff9a57", "#3fd0a4", "#dd9be6", "#e3c34b", "#ff8fae", "#a9d65c", "#c4c9d1"],
}

PROBABILITY = ".1%"
WEIGHT_DIGITS = 4


def weight_text(weight: float) -> str:
    """A weight or probability as hover, table, caption and export show it."""
    return f"{weight:.{WEIGHT_DIGITS}f}"


def palette() -> dict[str, Any]:
    """Colours for the browser's instruments."""
    return {
        mode: {
            "roles": {role: tones[mode] for role, tones in ROLES.items()},
            "sequential": SEQUENTIAL[mode],
            "diverging": DIVERGING[mode],
            "heads": HEADS[mode],
        }
        for mode in MODES
    }


def stops(colours: list[str]) -> list[list[Any]]:
    """A scale as Plotly wants it."""
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def colorscale(mode: str) -> list[list[Any]]:
    """The sequential scale, for weights in 0…1."""
    return stops(SEQUENTIAL[mode])


def diverging_colorscale(mode: str) -> list[list[Any]]:
    """The diverging scale, for signed values about 0."""
    return stops(DIVERGING[mode])


def number_format(is_weight: bool) -> str:
    """d3 format of a weight or probability, or of any other number."""
    return f".{WEIGHT_DIGITS}f" if is_weight else ".4~g"


def template() -> go.layout.Template:
    """Plotly's frame: no chart junk, large type, room for token labels."""
    return go.layout.Template(
        layout={
            "font": {"size": 16},
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "hoverlabel": {"font": {"size": 16}},
        }
    )
