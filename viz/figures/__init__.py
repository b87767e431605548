"""Figures: a trace in, a plotly Figure out. A new figure is one new file that registers itself."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go

FIGURES: dict[str, Callable[..., go.Figure]] = {}


def figure(name: str) -> Callable[[Callable[..., go.Figure]], Callable[..., go.Figure]]:
    """Decorator: list the function under `name`. Its docstring is the caption on screen."""

    def add(build: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
        FIGURES[name] = build
        return build

    return add
