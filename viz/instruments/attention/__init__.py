"""The attention instrument: all heads of a site as a layers × heads grid, and one of them large."""

from __future__ import annotations

from typing import Any

import numpy as np

from model import Trace
from viz import theme
from viz.instruments import pack, register
from viz.labels import query_labels
from viz.scene import INSTRUMENT, PLACES, SELECTION

_render = register("attention")


def site_weights(trace: Trace, place: str) -> np.ndarray:
    """Weights of all heads of a site: float32 (layer, head, query, key)."""
    stack, site = place.split(".")
    layers = range(trace.config.n_layers)
    return np.stack([trace[f"{stack}.{i}.{site}.weights"].value for i in layers]).astype(np.float32)


def describe(trace: Trace, place: str) -> dict[str, Any]:
    """What the browser needs to label a site."""
    stack, site = place.split(".")
    entry = trace[f"{stack}.0.{site}.weights"]
    return {
        "title": theme.SITES[place],
        "caption": theme.SITE_CAPTIONS[place],
        "queries": query_labels(trace, entry),
        "keys": entry.labels["key"],
        "sides": dict(entry.sides),
        "causal": place == "decoder.self_attn",
    }


def payload(trace: Trace) -> bytes:
    """Exact float32 weights of every head of the three sites, with their labels."""
    header = {"places": {place: describe(trace, place) for place in PLACES}, "palette": theme.palette()}
    return pack(header, {place: site_weights(trace, place) for place in PLACES})


def attention(trace: Trace) -> Any:
    """Mount the instrument. Its state `selection` holds place, layer, head (from 1) and the pinned cell."""
    return _render(
        key=INSTRUMENT, data=payload(trace), height="content", **{f"on_{SELECTION}_change": lambda: None}
    )
