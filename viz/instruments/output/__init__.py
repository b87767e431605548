"""The output instrument: last state → logits → probabilities of a step, the logit lens, and who added what.

    logits = states Eᵀ (query, vocab)        probs = softmax(logits)        E (vocab, d_model): token vectors
    logits[t, w] = Σ of what each part of the decoder adds directly (model.contributions)

Three messages: `message` (the most probable words of every step, what the model would say
after each layer, and the direct contributions to the word that was taken; once per sentence, with the page),
`logits` (all logits of one step and the vectors of its most probable words, by route when the step is opened)
and `contributions` (what each part wrote into the stream at one step, and the norms that it passes, by route
when it is asked who added what).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from model import Glass, Trace, Translation
from model import contributions as direct
from model.anatomy import Stack
from model.limits import Limit
from viz.instruments import pack
from viz.instruments.base import Asked, Instrument, Numbers, Picture, Refusal
from viz.instruments.link import Choice, Count, Number, d_model, whole_number
from viz.instruments.output.parts import bars

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


def stack_of(trace: Trace) -> Stack:
    """The stack whose states become the logits."""
    return trace.anatomy.stack_over(trace.anatomy.predicting.name)


@torch.inference_mode()
def lens_logits(glass: Glass, trace: Trace, layer: int) -> Tensor:
    """Logits (query, vocab) if the stack ended after `layer` layers; pre-norm: through its final norm."""
    stack = stack_of(trace)
    stream = torch.tensor(trace[stack.stream[layer]].value[: len(trace.predicts)])
    norm = glass.model.norm_behind(stack)
    return glass.model.unembed(stream if norm is None else norm(stream))


def lens(glass: Glass, trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Ids and probabilities of the most probable tokens after each layer, (layer, query, most) each."""
    ids, probs = [], []
    for layer in range(len(stack_of(trace).stream)):
        logits = lens_logits(glass, trace, layer)
        ids.append(top_ids(logits.numpy(), LENS_TOP))
        probs.append(np.take_along_axis(logits.softmax(-1).numpy(), ids[-1], -1).astype(np.float32))
    return np.stack(ids), np.stack(probs)


def chosen_contributions(glass: Glass, trace: Trace, translation: Translation) -> np.ndarray:
    """What each part adds directly to the logit of the word that is taken: float32 (query, part)."""
    rows, ids = slice(len(trace.predicts)), chosen_ids(glass, translation).tolist()
    return direct.contributions(glass.model, trace, ids, rows).numpy().astype(np.float32)


def message(asked: Asked) -> Picture:
    """Every step's last state, most probable words, the word taken, who added what to it; the logit lens."""
    glass, trace, translation = asked.glass, asked.trace, asked.translation
    rows, stack = len(trace.predicts), stack_of(trace)
    logits, probs = (trace[f"output.{name}"].value[:rows] for name in ("logits", "probs"))
    ids, chosen = top_ids(logits, TOP), chosen_ids(glass, translation)
    lens_ids, lens_probs = lens(glass, trace)
    arrays = {
        "states": trace[stack.output].value[:rows],
        "ids": ids,
        "logits": np.take_along_axis(logits, ids, -1),
        "probs": np.take_along_axis(probs, ids, -1),
        "chosen": chosen,
        "chosen_logits": np.take_along_axis(logits, chosen[:, None], -1)[:, 0],
        "chosen_probs": np.take_along_axis(probs, chosen[:, None], -1)[:, 0],
        "lens_ids": lens_ids,
        "lens_probs": lens_probs,
        "contributions": chosen_contributions(glass, trace, translation),
    }
    named = sorted({*ids.flat, *chosen.flat, *lens_ids.flat})
    header = {
        "reads": trace.predicting.tokens[:rows],
        "predicts": trace.predicts,
        "tokens": {str(i): glass.tokenizer.readable(i) for i in named},
        "vocab": trace.config.vocab_size,
        "d_model": trace.config.d_model,
        "states": said_of_states(trace, stack),
        "lens": stack.stream,
        "lens_norm": said_of_lens(trace, stack),
        "norms": direct.norm_names(trace.anatomy),
        **bars(trace),
    }
    return header, {name: single(array) for name, array in arrays.items()}


def said_of_states(trace: Trace, stack: Stack) -> dict[str, str]:
    """What the last states are, in words: `given` and the entries that they are and are made of."""
    final = ", after its final norm" if trace.anatomy.final_norm(stack.name) else ""
    given = f"given: the stream that leaves the {stack.title}{final}"
    return {"given": given, "entry": stack.output, "of": trace[stack.output].of[0]}


def said_of_lens(trace: Trace, stack: Stack) -> dict[str, str]:
    """The norm between the stream after a layer and E (its `name`, "" for none), and what is `said` of it."""
    norm = trace.anatomy.final_norm(stack.name)
    if norm is None:
        said = "post-norm: the stream after each layer is already normalised, and meets E as it is; "
        return {"name": "", "said": f"This model is {said}there is no final norm."}
    said = f"the stream after each layer goes through the {stack.title}'s {norm.label} first, then meets E."
    return {"name": norm.part, "said": f"This model is pre-norm: {said}"}


def single(array: np.ndarray) -> np.ndarray:
    """Float32 where the model computes in float64; ids stay as they are."""
    return array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array


def logits(
    glass: Glass, trace: Trace, translation: Translation, step: int, layer: int | None = None
) -> bytes:
    """All logits of one step, and the vectors (rows of E) of its most probable words and of the one taken.

    With `layer`, the logits of the lens after that many layers. Raises Refusal for what there is not.
    """
    if not 0 <= step < len(trace.predicts):
        raise Refusal("There is no such step.")
    if layer is None:
        row = trace["output.logits"].value[step]
    elif 0 <= layer < len(stack_of(trace).stream):
        row = lens_logits(glass, trace, layer)[step].numpy()
    else:
        raise Refusal("There is no such layer.")
    top, taken = top_ids(row[None], TOP)[0], chosen_ids(glass, translation)[step]
    ids = top if taken in top else np.append(top, taken)
    vectors = glass.model.embedding.weight.detach()[torch.from_numpy(ids).long()].numpy()
    header = {"step": step, "layer": layer}
    return pack(header, {"logits": single(row), "ids": ids.astype(np.int32), "vectors": single(vectors)})


def contributions(glass: Glass, trace: Trace, step: int) -> bytes:
    """What each part wrote into the stream at one step (part, d_model), and γ (norm, d_model) and σ (norm,)
    of the norms that carry it on: enough to find any word's direct contributions. Raises Refusal.
    """
    if not 0 <= step < len(trace.predicts):
        raise Refusal("There is no such step.")
    names = direct.norm_names(trace.anatomy)
    gammas = [direct.norm_of(glass.model, name).gamma.detach().numpy() for name in names]
    arrays = {
        "terms": direct.terms(glass.model, trace, slice(step, step + 1))[:, 0].numpy(),
        "gammas": np.stack(gammas),
        "stds": np.array([trace[f"{name}.std"].value[step, 0] for name in names]),
    }
    return pack({"step": step}, {name: single(array) for name, array in arrays.items()})


def asked_number(asked: Asked, name: str) -> int:
    """The step or layer that an address names."""
    number = whole_number(asked.values.get(name, ""))
    if number is None:
        raise Refusal(f"There is no such {name}.")
    return number


def asked_logits(asked: Asked) -> bytes:
    """All logits of one `step`, from 0; with `layer`, of the logit lens after that many layers."""
    layer = asked_number(asked, "layer") if "layer" in asked.values else None
    return logits(asked.glass, asked.trace, asked.translation, asked_number(asked, "step"), layer)


def steps(asked: Asked) -> int:
    """Rows that predict, padding among them."""
    return len(asked.trace.predicting.tokens)


def lens_layers(asked: Asked) -> Limit:
    """Layers that the lens may end after; 0: before the first."""
    return Limit("lens_layer", 0, asked.glass.config.n_layers, whole=True)


def word_ids(asked: Asked) -> Limit:
    return Limit("word", 0, asked.glass.config.vocab_size - 1, whole=True)


def is_on(*places: str) -> Callable[[Asked], bool]:
    """Whether the pin stands on one of these."""
    return lambda asked: asked.values.get("on") in places


LINK = (
    Count("step", steps),
    Choice("output_tab", ("words", "layers", "added")),
    Choice("on", ("prob", "logit", "what-if", "state", "lens", "added"), while_pinned=True),
    Count("rank", while_pinned=True, when=is_on("prob", "logit", "what-if")),
    Count("feature", d_model, while_pinned=True, when=is_on("state")),
    Number("lens_layer", lens_layers, while_pinned=True, when=is_on("lens")),
    Count("lens_position", steps, while_pinned=True, when=is_on("lens")),
    Count("bar", while_pinned=True, when=is_on("added")),
    Choice("bars", ("blocks", "heads")),
    Number("word", word_ids),
    Number("output_temperature", Limit("output_temperature", 0.1, 4)),
    Number("output_top_k", Limit("output_top_k", 1, 100, whole=True)),
    Number("output_top_p", Limit("output_top_p", 0.05, 1)),
)
"""`on` and what follows up to `bar`: the pinned cell. `word`: the token whose logit is shared out."""

INSTRUMENT = Instrument(
    name="output",
    places=lambda _: ("output",),
    message=message,
    link=LINK,
    numbers={
        "logits": Numbers(asked_logits),
        "contributions": Numbers(
            lambda asked: contributions(asked.glass, asked.trace, asked_number(asked, "step"))
        ),
    },
)
