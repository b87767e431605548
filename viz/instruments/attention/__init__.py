"""The attention instrument: every head of a site at a glance, and the inside of one, stage by stage.

Three messages: `message` (weights of all heads as uint8, once per sentence, with the page), `exact` (every
number of one layer as float32, by route when the layer is opened) and `projections` (the layer's weight
matrices, by a route that the browser caches).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model import Glass, Trace
from model.limits import Limit
from viz import theme
from viz.instruments import pack, shades
from viz.instruments.base import Asked, Instrument, Numbers, Picture
from viz.instruments.link import Choice, Count, Flag, Ids, Number, heads, keys, layers, queries
from viz.labels import query_labels
from viz.scene import SITES

HEAD_STAGES = (
    "q", "k", "v", "q_rot", "k_rot", "scores", "scaled", "position_bias", "biased", "masked", "weights",
    "z",
)  # fmt: skip
"""Entries of an attention site with a head axis, in the order of computation; some encodings lack some."""
NARROW_STAGES = ("q", "k", "v", "q_rot", "k_rot", "z")
WIDE_STAGES = ("x_q", "x_kv", "concat", "out")
STAGES = ("x_q", "x_kv", *(name for name in HEAD_STAGES if name != "position_bias"), "concat", "out")
"""What a link can pin a cell of."""


def site_of(place: str, layer: int) -> str:
    """The trace's name of a site: "decoder.cross_attn", 2 → "decoder.2.cross_attn"."""
    stack, site = place.split(".")
    return f"{stack}.{layer}.{site}"


def overview_weights(trace: Trace, place: str) -> np.ndarray:
    """Weights of all heads of a site for thumbnails: uint8 (layer, head, query, key), 255 = 1."""
    layers = [trace[f"{site_of(place, i)}.weights"].value for i in range(trace.config.n_layers)]
    return shades(np.stack(layers))


def describe(trace: Trace, place: str) -> dict[str, Any]:
    """What the browser needs to label a site. `real` counts the tokens that are no padding."""
    entry = trace[f"{site_of(place, 0)}.weights"]
    pad = trace.config.pad_id
    real = {name: sum(i != pad for i in rows.ids) for name, rows in trace.sides.items()}
    return {
        "title": theme.SITES[place],
        "caption": theme.SITE_CAPTIONS[place],
        "queries": query_labels(trace, entry),
        "keys": entry.labels["key"],
        "sides": dict(entry.sides),
        "real": {axis: real[side] for axis, side in entry.sides.items()},
        "causal": place == "decoder.self_attn",
    }


def message(asked: Asked) -> Picture:
    """All heads of the three sites as uint8, with labels."""
    trace = asked.trace
    header = {
        "places": {place: describe(trace, place) for place in SITES},
        "d_head": trace.config.d_head,
    }
    return header, {place: overview_weights(trace, place) for place in SITES}


def exact(trace: Trace, place: str, layer: int | None) -> bytes:
    """Every number of one layer's site, float32: what asks, what answers, each head's stages, `out`.

    `inputs` names the two that it reads, `made_of` the entry that each of them is made from.
    """
    site = trace.anatomy.at(place).scope(layer)
    inputs = {"x_q": trace[f"{site}.q"].of[0], "x_kv": trace[f"{site}.k"].of[0]}
    entries = {stage: f"{site}.{stage}" for stage in HEAD_STAGES if f"{site}.{stage}" in trace}
    names = inputs | entries | {"out": f"{site}.out"}
    if inputs["x_q"] == inputs["x_kv"]:
        del names["x_kv"]
    header = {"place": place, "layer": layer, "names": names, "inputs": inputs}
    header["made_of"] = {stage: trace[name].of[0] for stage, name in inputs.items()}
    return pack(
        header, {stage: trace[name].value.astype(np.float32, copy=False) for stage, name in names.items()}
    )


def projections(glass: Glass, place: str, layer: int | None) -> bytes:
    """W_q, W_k, W_v, W_o (out × in, as torch keeps them) and their biases b_q … b_o of one site, float32."""
    site = glass.model.block(glass.model.anatomy.at(place).scope(layer))
    arrays = {}
    for letter in "qkvo":
        linear = getattr(site, f"W_{letter}")
        arrays[f"W_{letter}"] = linear.weight.detach().float().numpy()
        arrays[f"b_{letter}"] = linear.bias.detach().float().numpy()
    return pack({"place": place, "layer": layer}, arrays)


def columns(asked: Asked) -> int:
    """Columns of the stage that the link opens, where they are features."""
    config = asked.glass.config
    return config.d_model if asked.values.get("stage") in WIDE_STAGES else config.d_head


def has_features(asked: Asked) -> bool:
    """Whether the columns of the stage are features."""
    stage = asked.values.get("stage")
    return asked.values.get("view") == "inside" and stage in (*NARROW_STAGES, *WIDE_STAGES)


LINK = (
    Count("layer", layers),
    Count("head", heads),
    Choice("view", ("heads", "inside", "lines")),
    Choice("stage", STAGES, while_pinned=True),
    Count("query", queries, while_pinned=True),
    Count("key", keys, while_pinned=True),
    Count("feature", columns, while_pinned=True, when=has_features),
    Flag("unscaled"),
    Flag("unmasked"),
    Number("softmax_temperature", Limit("softmax_temperature", 0.1, 4)),
    Flag("padded"),
    Ids("lines"),
    Number("mass", Limit("mass", 5, 100, whole=True)),
)
"""`unscaled` to `padded`: what if. `lines`: the heads drawn, from 1, each row until `mass` per cent."""

INSTRUMENT = Instrument(
    name="attention",
    places=lambda anatomy: tuple(block.place for block in anatomy.kind("attention")),
    message=message,
    link=LINK,
    numbers={
        "exact": Numbers(lambda asked: exact(asked.trace, asked.place, asked.layer)),
        "projections": Numbers(lambda asked: projections(asked.glass, asked.place, asked.layer), "for ever"),
    },
)
