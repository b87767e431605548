"""The attention instrument: every head of a site at a glance, and the inside of one, stage by stage.

Three messages: `message` (weights of all heads as uint8, once per sentence, with the page), `exact` (every
number of one layer as float32, by route when the layer is opened) and `projections` (the layer's weight
matrices, by a route that the browser caches). Which stages there are is read off the trace: viz/stages.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from model import Glass, Trace
from model.anatomy import Anatomy, Block
from model.limits import Limit
from viz.instruments import pack, shades
from viz.instruments.base import Asked, Instrument, Numbers, Picture
from viz.instruments.link import Choice, Count, Flag, Ids, Number, heads, keys, layers, queries
from viz.labels import query_labels
from viz.stages import Stage, entries, given, stages


def overview_weights(trace: Trace, block: Block) -> np.ndarray:
    """Weights of all heads of a place for thumbnails: uint8 (layer, head, query, key), 255 = 1."""
    layers = range(trace.anatomy.n_layers(block))
    weights = [trace[f"{block.scope(layer)}.weights"].value for layer in layers]
    return shades(np.stack(weights))


def caption(anatomy: Anatomy, block: Block) -> str:
    """What happens there, in a sentence that the picture can be held against."""
    asking = anatomy.side(block.queries).title
    answering = anatomy.side(block.keys or block.queries).title
    if block.memory:
        maker = next(stack for stack in anatomy.stacks if stack.output == block.memory)
        return f"Each {asking} token (row) asks the {answering} tokens (columns) the {maker.title} made."
    if block.causal:
        return f"Each {asking} token (row) asks itself and those before it (columns), none after it."
    return f"Each {asking} token (row) asks all {answering} tokens (columns) what to take in."


def describe(trace: Trace, block: Block) -> dict[str, Any]:
    """What the browser needs to label a place.

    `real` counts the tokens that are no padding; `end` is the end token's column, where the keys have one (a
    side that predicts reads none); `tint` the side in whose colour keys stand that come from another one.
    """
    entry = trace[f"{block.scope()}.weights"]
    pad = trace.config.pad_id
    sides = {axis: trace.anatomy.side(name) for axis, name in entry.sides.items()}
    real = {axis: sum(i != pad for i in trace.sides[side.name].ids) for axis, side in sides.items()}
    is_self = sides["query"] == sides["key"]
    return {
        "title": block.title,
        "caption": caption(trace.anatomy, block),
        "queries": query_labels(trace, entry),
        "keys": entry.labels["key"],
        "asking": sides["query"].title,
        "answering": sides["key"].title,
        "self": is_self,
        "tint": None if is_self else sides["key"].title,
        "real": real,
        "end": None if sides["key"].predicts else real["key"] - 1,
        "causal": block.causal,
        "stages": stages(trace, block.scope()),
        "given": given(trace, block.scope()),
    }


def message(asked: Asked) -> Picture:
    """All heads of all attentions as uint8, with labels: one message, so that the browser opens any at once.

    `place`: the one that an address without a place opens.
    """
    trace = asked.trace
    blocks = trace.anatomy.kind("attention")
    header = {
        "place": blocks[-1].place,
        "places": {block.place: describe(trace, block) for block in blocks},
        "d_head": trace.config.d_head,
    }
    return header, {block.place: overview_weights(trace, block) for block in blocks}


def exact(trace: Trace, place: str, layer: int | None) -> bytes:
    """Every number of one layer's attention, float32, by the names of its `stages`.

    `same`: what is another one, bit for bit, and is not sent again.
    """
    names = entries(trace, trace.anatomy.at(place).scope(layer))
    first = {full: name for name, full in reversed(names.items())}
    same = {name: first[full] for name, full in names.items() if first[full] != name}
    header = {"place": place, "layer": layer, "names": names, "same": same}
    sent = {name: trace[full].value for name, full in names.items() if name not in same}
    return pack(header, {name: value.astype(np.float32, copy=False) for name, value in sent.items()})


def projections(glass: Glass, place: str, layer: int | None) -> bytes:
    """W_q, W_k, W_v, W_o (out × in, as torch keeps them) and their biases b_q … b_o of one site, float32."""
    module = glass.model.block(glass.model.anatomy.at(place).scope(layer))
    arrays = {}
    for letter in "qkvo":
        linear = getattr(module, f"W_{letter}")
        arrays[f"W_{letter}"] = linear.weight.detach().float().numpy()
        arrays[f"b_{letter}"] = linear.bias.detach().float().numpy()
    return pack({"place": place, "layer": layer}, arrays)


def stage_of(asked: Asked) -> Stage | None:
    """The stage that the link opens inside a head."""
    if asked.block is None or asked.values.get("view") != "inside":
        return None
    known = {stage["name"]: stage for stage in stages(asked.trace, asked.block.scope())}
    return known.get(asked.values.get("stage", ""))


def columns(asked: Asked) -> int:
    """Columns of that stage, where they are features."""
    config, stage = asked.glass.config, stage_of(asked)
    return config.d_model if stage and stage["columns"] == "d_model" else config.d_head


def has_features(asked: Asked) -> bool:
    """Whether its columns are features."""
    stage = stage_of(asked)
    return stage is not None and stage["columns"] != "key"


def of_real(count: Callable[[Asked], int | None]) -> Callable[[Asked], int | None]:
    """How many there are; where the link pads the sentence, nobody knows."""
    return lambda asked: None if asked.values.get("padded") else count(asked)


def all_stages(asked: Asked) -> tuple[str, ...]:
    """Stages of any of the attentions: one message is of all."""
    blocks = asked.trace.anatomy.kind("attention")
    return tuple(
        dict.fromkeys(stage["name"] for block in blocks for stage in stages(asked.trace, block.scope()))
    )


LINK = (
    Count("layer", layers),
    Count("head", heads),
    Choice("view", ("heads", "inside", "lines")),
    Choice("stage", all_stages, of_place=True),
    Count("query", of_real(queries), while_pinned=True),
    Count("key", of_real(keys), while_pinned=True),
    Count("feature", columns, while_pinned=True, when=has_features),
    Flag("unscaled", of_place=True),
    Flag("unmasked", of_place=True),
    Number("softmax_temperature", Limit("softmax_temperature", 0.1, 4), of_place=True),
    Flag("padded"),
    Ids("lines"),
    Number("mass", Limit("mass", 5, 100, whole=True)),
)
"""`unscaled` to `padded`: what if. `lines`: the heads drawn, from 1, until they hold `mass` per cent."""

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
