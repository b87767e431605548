"""The feed-forward instrument: one layer's FFN(x) = max(0, x W_1 + b_1) W_2 + b_2, its sum and its norm.

Three messages, all made by `pack`: `message` (labels, shapes and a thumbnail of each layer's hidden units,
with the page), `exact` (every number of one layer as float32, by route when the layer is opened) and
`matrices` (W_1, b_1, W_2, b_2, γ, β of one layer, by a route that the browser caches).
Which entry follows from which is read off the trace's parents, so post-norm and pre-norm need no branch.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from model import Glass, Trace, Translation
from viz import theme
from viz.instruments import pack, register
from viz.labels import query_labels
from viz.scene import SELECTION

_render = register("ffn")

PLACES = ("encoder.ffn", "decoder.ffn")
TITLES = {"encoder.ffn": "Encoder feed-forward", "decoder.ffn": "Decoder feed-forward"}
WIDEST = 128
"""Hidden units of a thumbnail at most: of more, every k-th is drawn."""


def chain(trace: Trace, place: str, layer: int) -> list[str]:
    """Full names, in the order of computation, from the stream that enters the block to resid_out."""
    stack, _ = place.split(".")
    last = f"{stack}.{layer}.resid_out"
    own = (f"{stack}.{layer}.ffn.", f"{stack}.{layer}.ffn_norm.")
    found, waiting = {last}, [last]
    while waiting:
        for parent in trace[waiting.pop()].of:
            if parent not in found:
                found.add(parent)
                waiting += [parent] if parent.startswith(own) else []
    return [name for name in trace if name in found]


def short(name: str) -> str:
    """ "decoder.2.ffn_norm.norm_in" → "norm_in"."""
    return name.rsplit(".", 1)[-1]


def stages(trace: Trace, place: str) -> list[dict[str, Any]]:
    """What the block computes, by short name: shape, what its columns are, which stages it is made from."""
    names = chain(trace, place, 0)
    return [
        {
            "name": short(name),
            "of": [short(parent) for parent in trace[name].of if parent in names],
            "columns": trace[name].axes[-1],
            "shape": trace[name].value.shape,
        }
        for name in names
    ]


def thumbnails(trace: Trace, place: str) -> tuple[np.ndarray, list[float], int]:
    """ffn_hidden of every layer as uint8 (layer, token, unit), 255 = its maximum; the maxima; the stride."""
    stack, _ = place.split(".")
    hidden = [trace[f"{stack}.{i}.ffn.ffn_hidden"].value for i in range(trace.config.n_layers)]
    stride = -(-trace.config.d_ff // WIDEST)
    maxima = [float(np.float32(layer.max())) for layer in hidden]
    scaled = [layer[:, ::stride] / (limit or 1.0) for layer, limit in zip(hidden, maxima, strict=True)]
    return np.rint(np.stack(scaled) * 255).astype(np.uint8), maxima, stride


def message(
    glass: Glass, trace: Trace, translation: Translation, request: dict[str, Any], place: str
) -> bytes:
    """What the browser needs before a layer is open; `request` names this trace."""
    hidden, maxima, stride = thumbnails(trace, place)
    entry = trace[f"{place.split('.')[0]}.0.ffn.ffn_hidden"]
    header = {
        "request": request,
        "palette": theme.palette(),
        "place": place,
        "title": TITLES[place],
        "n_layers": trace.config.n_layers,
        "tokens": entry.labels["query"],
        "labels": query_labels(trace, entry),
        "stages": stages(trace, place),
        "maxima": maxima,
        "stride": stride,
    }
    return pack(header, {"ffn_hidden": hidden})


def exact(glass: Glass, trace: Trace, place: str, layer: int) -> bytes:
    """Every number of one layer's block, float32. `same`: entries that are their only parent, bit for bit."""
    names = {short(name): name for name in chain(trace, place, layer)}
    arrays = {stage: trace[name].value.astype(np.float32, copy=False) for stage, name in names.items()}
    same = {}
    for stage, name in names.items():
        of = [short(parent) for parent in trace[name].of if short(parent) in names]
        if len(of) == 1 and arrays[stage].tobytes() == arrays[of[0]].tobytes():
            same[stage] = of[0]
    header = {
        "place": place,
        "layer": layer,
        "names": names,
        "same": same,
        "eps": norm_of(glass, place, layer).eps,
    }
    return pack(header, {stage: array for stage, array in arrays.items() if stage not in same})


def layer_of(glass: Glass, place: str, layer: int) -> Any:
    """The module of one layer."""
    return getattr(glass.model, place.split(".")[0])[layer]


def norm_of(glass: Glass, place: str, layer: int) -> Any:
    """The LayerNorm beside the feed-forward of one layer."""
    return layer_of(glass, place, layer).ffn_add.norm


def matrices(glass: Glass, place: str, layer: int) -> bytes:
    """W_1 (d_ff × d_model) and W_2 (d_model × d_ff, as torch keeps them), b_1, b_2, gamma, beta; float32."""
    block, norm = layer_of(glass, place, layer).ffn, norm_of(glass, place, layer)
    parameters = {
        "W_1": block.W_1.weight, "b_1": block.W_1.bias, "W_2": block.W_2.weight, "b_2": block.W_2.bias,
        "gamma": norm.gamma, "beta": norm.beta,
    }  # fmt: skip
    arrays = {name: parameter.detach().float().numpy() for name, parameter in parameters.items()}
    return pack({"place": place, "layer": layer}, arrays)


def ffn(
    glass: Glass, trace: Trace, translation: Translation, request: dict[str, Any], place: str = "encoder.ffn"
) -> Any:
    """Mount the instrument. Its state `selection` holds place and layer (from 1), and the pinned row."""
    return _render(
        key="ffn",
        data=message(glass, trace, translation, request, place),
        height="content",
        **{f"on_{SELECTION}_change": lambda: None},
    )


encoder_ffn = partial(ffn, place="encoder.ffn")
decoder_ffn = partial(ffn, place="decoder.ffn")
