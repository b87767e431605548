"""The feed-forward and Add & Norm instrument: what a sublayer adds to the stream, and the norm beside it.

One board for every place: the feed-forward FFN(x) = max(0, x W_1 + b_1) W_2 + b_2 with its sum and norm,
the Add & Norm of each attention, whose inside has an instrument of its own (here only its `out` stands), and
the final norm of each stack, which pre-norm models have and which belongs to no layer (its `layer` is None).
Three messages: `message` (labels, shapes and a thumbnail of each layer, with the page),
`exact` (every number of one layer as float32, with γ and β, by route when the layer is opened) and `matrices`
(W_1, b_1, W_2, b_2 of one layer, by a route that the browser caches).
Which entry follows from which is read off the trace's parents, so post-norm and pre-norm need no branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from model import Glass, Trace
from model.anatomy import Anatomy, Block
from model.layers import FeedForward, LayerNorm
from viz.instruments import pack, shades
from viz.instruments.base import Asked, Instrument, Numbers, Picture, Refusal
from viz.instruments.link import Choice, Count, layers, queries
from viz.labels import query_labels

WIDEST = 128
"""Columns of a thumbnail at most: of more, every k-th is drawn."""


def chain(trace: Trace, place: str, layer: int | None) -> list[str]:
    """Full names, in the order of computation, from the stream that enters to the stream that leaves.

    The way back from the end leads through the whole sublayer; of an attention only `out` is shown.
    """
    anatomy = trace.anatomy
    block = anatomy.at(place)
    if not block.is_layered:
        return [name for name in trace if name.startswith(f"{place}.")]
    sublayer = anatomy.at(block.of or place)
    _, last = block.around(layer)
    inside, norm = f"{sublayer.scope(layer)}.", f"{anatomy.norm_beside(sublayer).scope(layer)}."
    scope = inside.removesuffix(f"{sublayer.part}.")
    found, waiting = {last}, [last]
    while waiting:
        for parent in trace[waiting.pop()].of:
            if parent not in found and parent.startswith(scope):
                found.add(parent)
                waiting += [parent] if parent.startswith((inside, norm)) else []
    if block.of:
        found = {name for name in found if not name.startswith(inside)} | {f"{inside}out"}
    return [name for name in trace if name in found]


def short(name: str) -> str:
    """ "decoder.2.ffn_norm.norm_in" → "norm_in"."""
    return name.rsplit(".", 1)[-1]


def made_from(trace: Trace, name: str, names: list[str]) -> list[str]:
    """Short names of an entry's parents, where all of them are in the chain `names`; else it is given."""
    of = trace[name].of
    return [short(parent) for parent in of] if set(of) <= set(names) else []


def stages(trace: Trace, place: str) -> list[dict[str, Any]]:
    """What the block computes, by short name: shape, what its columns are, which stages it is made from."""
    names = chain(trace, place, 0)
    return [
        {
            "name": short(name),
            "of": made_from(trace, name, names),
            "columns": trace[name].axes[-1],
            "shape": trace[name].value.shape,
        }
        for name in names
    ]


def thumbnail_stage(block: Block) -> str:
    """The stage that a layer's thumbnail shows."""
    return "ffn_hidden" if block.kind == "ffn" else "norm_out"


def thumbnails(trace: Trace, place: str) -> tuple[np.ndarray, list[float], int]:
    """One stage of every layer as uint8 (layer, token, column), each layer's limit, and the stride. A final
    norm, which belongs to none, counts as one layer.

    The limit is the layer's largest size. Hidden units: 0…255 is 0…limit; norm_out: −limit…limit.
    """
    block = trace.anatomy.at(place)
    stage = thumbnail_stage(block)
    names = [chain(trace, place, layer) for layer in range(trace.anatomy.n_layers(block))]
    values = [trace[next(n for n in layer if short(n) == stage)].value for layer in names]
    stride = -(-values[0].shape[-1] // WIDEST)
    limits = [float(np.abs(value).max()) for value in values]
    shares = np.stack([v[:, ::stride] / (limit or 1.0) for v, limit in zip(values, limits, strict=True)])
    if stage != "ffn_hidden":
        shares = (shares + 1) / 2
    return shades(shares), limits, stride


def read_by(anatomy: Anatomy, block: Block) -> dict[str, str] | None:
    """What reads the final norm of a stack; None for other blocks."""
    if block.is_layered:
        return None
    stack = anatomy.stack(block.stack)
    said = f"norm_out is the {stack.title}'s output: "
    for reader in anatomy.kind("attention"):
        if reader.memory == stack.output:
            return {
                "formula": "memory = norm_out",
                "said": f"{said}the keys and values of every {reader.label} are made from it.",
            }
    return {
        "formula": "logits = norm_out · Eᵀ",
        "said": f"{said}against each token's vector it gives that token's logit.",
    }


def message(asked: Asked) -> Picture:
    """What the browser needs before a layer is open."""
    trace, place = asked.trace, asked.place
    block = trace.anatomy.at(place)
    drawn, limits, stride = thumbnails(trace, place)
    entry = trace[chain(trace, place, 0)[0]]
    header = {
        "place": place,
        "title": block.title,
        "n_layers": trace.anatomy.stack(block.stack).n_layers,
        "layered": block.is_layered,
        "tokens": entry.labels["query"],
        "labels": query_labels(trace, entry),
        "stages": stages(trace, place),
        "thumbnail": thumbnail_stage(block),
        "limits": limits,
        "stride": stride,
        "read_by": read_by(trace.anatomy, block),
    }
    return header, {"thumbnails": drawn}


def exact(glass: Glass, trace: Trace, place: str, layer: int | None) -> bytes:
    """Every number of one layer's block, and its norm's gamma and beta (1 × d_model); float32.

    `same`: entries that are their only parent, bit for bit, and are not sent again. `enters`: the entry that
    the first one is made from.
    """
    full = chain(trace, place, layer)
    names = {short(name): name for name in full}
    arrays = {stage: trace[name].value.astype(np.float32, copy=False) for stage, name in names.items()}
    same = {}
    for stage, name in names.items():
        of = made_from(trace, name, full)
        if len(of) == 1 and arrays[stage].tobytes() == arrays[of[0]].tobytes():
            same[stage] = of[0]
    norm = norm_of(glass, place, layer)
    header = {"place": place, "layer": layer, "names": names, "same": same, "eps": norm.eps}
    header["enters"] = trace[full[0]].of[0]
    sent = {stage: array for stage, array in arrays.items() if stage not in same}
    return pack(header, sent | {"gamma": as_array(norm.gamma)[None], "beta": as_array(norm.beta)[None]})


def as_array(parameter: Tensor) -> np.ndarray:
    array: np.ndarray = parameter.detach().float().numpy()
    return array


def norm_of(glass: Glass, place: str, layer: int | None) -> LayerNorm:
    """The norm of this place, or beside the feed-forward that stands there."""
    anatomy = glass.model.anatomy
    own = anatomy.at(place)
    norm = own if own.kind == "norm" else anatomy.norm_beside(own)
    module = glass.model.block(norm.scope(layer))
    if not isinstance(module, LayerNorm):
        raise Refusal("There is no such norm.")
    return module


def matrices(glass: Glass, place: str, layer: int | None) -> bytes:
    """W_1 (d_ff × d_model) and W_2 (d_model × d_ff, as torch keeps them), b_1, b_2; float32."""
    block = glass.model.block(glass.model.anatomy.at(place).scope(layer))
    if not isinstance(block, FeedForward):
        raise Refusal("There is no such feed-forward.")
    parameters = {
        "W_1": block.W_1.weight, "b_1": block.W_1.bias, "W_2": block.W_2.weight, "b_2": block.W_2.bias,
    }  # fmt: skip
    arrays = {name: as_array(parameter) for name, parameter in parameters.items()}
    return pack({"place": place, "layer": layer}, arrays)


def places(anatomy: Anatomy) -> tuple[str, ...]:
    """Feed-forwards, which are shown with their norm, and every other norm."""
    beside_ffn = {block.place for block in anatomy.kind("ffn")}
    return tuple(block.place for block in anatomy.kind("ffn", "norm") if block.of not in beside_ffn)


PARAMETERS = ("gamma", "beta")


def shapes(asked: Asked) -> dict[str, int]:
    """Columns of each stage of the place, γ and β among them."""
    found = {stage["name"]: stage["shape"][-1] for stage in stages(asked.trace, asked.place)}
    return found | dict.fromkeys(PARAMETERS, asked.glass.config.d_model)


def columns(asked: Asked) -> int:
    """Columns of the stage that the link opens."""
    return shapes(asked).get(asked.values.get("stage", ""), asked.glass.config.d_model)


LINK = (
    Count("layer", layers),
    Choice("stage", lambda asked: tuple(shapes(asked)), while_pinned=True),
    Count("query", queries, while_pinned=True),
    Count("feature", columns, while_pinned=True),
)

INSTRUMENT = Instrument(
    name="ffn",
    places=places,
    message=message,
    link=LINK,
    numbers={
        "exact": Numbers(lambda asked: exact(asked.glass, asked.trace, asked.place, asked.layer)),
        "matrices": Numbers(lambda asked: matrices(asked.glass, asked.place, asked.layer), "for ever"),
    },
)
