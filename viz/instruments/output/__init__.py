"""The output instrument: last state → logits → probabilities of one decoding step, and the logit lens.

    logits = states Eᵀ (query, vocab)        probs = softmax(logits)        E (vocab, d_model): token vectors

Two messages, both made by `pack`: `message` (the most probable words of every step, and what the model would
say after each layer; once per sentence, with the page) and `logits` (all logits of one step and the vectors
of its most probable words, by route when the step is opened).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from model import Glass, Trace, Translation
from viz import theme
from viz.instruments import pack, register
from viz.scene import SELECTION

_render = register("output")

TOP = 20
"""Most probable words of a step that are drawn as bars."""
LENS_TOP = 10
"""Most probable words that the logit lens gives for each layer and position."""


def chosen_ids(glass: Glass, translation: Translation) -> np.ndarray:
    """The token that the translation takes at each step, the end token included: int32 (query,)."""
    return np.array(glass.rows(translation.ids)[1], dtype=np.int32)


def top_ids(logits: np.ndarray, most: int) -> np.ndarray:
    """Ids of the highest logits, highest first, of equals the lower id first: int32 (…, most)."""
    ids = torch.tensor(logits).topk(min(most, logits.shape[-1]), -1).indices.numpy()
    order = np.lexsort((ids, -np.take_along_axis(logits, ids, -1)))
    return np.take_along_axis(ids, order, -1).astype(np.int32)


def lens_names(trace: Trace) -> list[str]:
    """The decoder's stream before the first layer and after each one, by name."""
    return ["decoder.embedded", *(f"decoder.{i}.resid_out" for i in range(trace.config.n_layers))]


@torch.inference_mode()
def lens_logits(glass: Glass, trace: Trace, layer: int) -> Tensor:
    """Logits (query, vocab) if the decoder ended after `layer` layers; pre-norm: through its final norm."""
    stream = torch.tensor(trace[lens_names(trace)[layer]].value[: len(trace.predicts)])
    norm = glass.model.decoder_norm
    return glass.model.unembed(stream if norm is None else norm(stream))


def lens(glass: Glass, trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Ids and probabilities of the most probable tokens after each layer, (layer, query, most) each."""
    ids, probs = [], []
    for layer in range(trace.config.n_layers + 1):
        logits = lens_logits(glass, trace, layer)
        ids.append(top_ids(logits.numpy(), LENS_TOP))
        probs.append(np.take_along_axis(logits.softmax(-1).numpy(), ids[-1], -1).astype(np.float32))
    return np.stack(ids), np.stack(probs)


def message(glass: Glass, trace: Trace, translation: Translation, request: dict[str, Any]) -> bytes:
    """Every step's last state, its most probable words, the word that was taken, and the logit lens."""
    rows = len(trace.predicts)
    logits, probs = (trace[f"output.{name}"].value[:rows] for name in ("logits", "probs"))
    ids, chosen = top_ids(logits, TOP), chosen_ids(glass, translation)
    lens_ids, lens_probs = lens(glass, trace)
    arrays = {
        "states": trace["decoder.states"].value[:rows],
        "ids": ids,
        "logits": np.take_along_axis(logits, ids, -1),
        "probs": np.take_along_axis(probs, ids, -1),
        "chosen": chosen,
        "chosen_logits": np.take_along_axis(logits, chosen[:, None], -1)[:, 0],
        "chosen_probs": np.take_along_axis(probs, chosen[:, None], -1)[:, 0],
        "lens_ids": lens_ids,
        "lens_probs": lens_probs,
    }
    named = sorted({*ids.flat, *chosen.flat, *lens_ids.flat})
    header = {
        "request": request,
        "palette": theme.palette(),
        "reads": trace.tgt_tokens[:rows],
        "predicts": trace.predicts,
        "tokens": {str(i): glass.tokenizer.readable(i) for i in named},
        "vocab": trace.config.vocab_size,
        "d_model": trace.config.d_model,
        "norm": trace.config.norm,
        "states_of": trace["decoder.states"].of[0],
        "lens": lens_names(trace),
    }
    return pack(header, {name: single(array) for name, array in arrays.items()})


def single(array: np.ndarray) -> np.ndarray:
    """Float32 where the model computes in float64; ids stay as they are."""
    return array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array


def logits(
    glass: Glass, trace: Trace, translation: Translation, step: int, layer: int | None = None
) -> bytes:
    """All logits of one step, and the vectors (rows of E) of its most probable words and of the one taken.

    With `layer`, the logits of the lens after that many layers. Raises ValueError for what there is not.
    """
    if not 0 <= step < len(trace.predicts):
        raise ValueError("There is no such step.")
    if layer is None:
        row = trace["output.logits"].value[step]
    elif 0 <= layer <= trace.config.n_layers:
        row = lens_logits(glass, trace, layer)[step].numpy()
    else:
        raise ValueError("There is no such layer.")
    top, taken = top_ids(row[None], TOP)[0], chosen_ids(glass, translation)[step]
    ids = top if taken in top else np.append(top, taken)
    vectors = glass.model.embedding.weight.detach()[torch.from_numpy(ids).long()].numpy()
    header = {"step": step, "layer": layer}
    return pack(header, {"logits": single(row), "ids": ids.astype(np.int32), "vectors": single(vectors)})


def output(glass: Glass, trace: Trace, translation: Translation, request: dict[str, Any]) -> Any:
    """Mount the instrument. Its state `selection` holds place and step (from 1)."""
    return _render(
        key="output",
        data=message(glass, trace, translation, request),
        height="content",
        **{f"on_{SELECTION}_change": lambda: None},
    )
