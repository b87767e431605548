"""A lane: one translation of the sentence, step by step, with what each step looked at and could have said.

cand_log_probs[t] = log_softmax(logits[t])        the most probable tokens of step t, best first
log_probs[t]: of the token that the lane takes    the weights of each attention by its name in a layer
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from model import Glass, Trace, Translation
from model.anatomy import Anatomy, Block, Side
from viz.instruments import pack
from viz.instruments.base import Asked, Refusal
from viz.instruments.link import whole_number
from viz.instruments.output import chosen_ids, single, top_ids

TOP = 10
"""Most probable tokens of a step that are drawn."""


def attentions(anatomy: Anatomy) -> tuple[Block, ...]:
    """The attentions of a step, in order of computation: those of the stack that predicts."""
    stack = anatomy.stack_over(anatomy.predicting.name)
    return tuple(block for block in anatomy.sublayers(stack.name) if block.kind == "attention")


def looks_back(block: Block) -> bool:
    """True where a step looks at what was read before; else it looks at the sentence."""
    return block.keys == block.queries


def sentence_side(anatomy: Anatomy) -> Side:
    """The side that is translated."""
    return next(side for side in anatomy.sides if not side.predicts)


def lane(
    glass: Glass, trace: Trace, translation: Translation
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of one lane.

    Arrays: ids int32 (step,); log_probs (step,); ranks int32 (step,), 0 the most probable; cand_ids int32 and
    cand_log_probs (step, TOP); of each attention its weights (layer, head, step, source or step): float32.
    """
    rows = len(trace.predicts)
    logits = trace["output.logits"].value[:rows]
    log_probs = torch.tensor(logits).log_softmax(-1).numpy()
    chosen, ids = chosen_ids(glass, translation)[:rows], top_ids(logits, TOP)
    taken = np.take_along_axis(logits, chosen[:, None], -1)
    anatomy = trace.anatomy
    weights = {}
    for block in attentions(anatomy):
        entries = [trace[f"{block.scope(i)}.weights"] for i in range(anatomy.n_layers(block))]
        keys = rows if looks_back(block) else None
        weights[block.part] = np.stack([entry.value[:, :rows, :keys] for entry in entries])
    arrays = {
        "ids": chosen,
        "log_probs": np.take_along_axis(log_probs, chosen[:, None], -1)[:, 0],
        "ranks": (logits > taken).sum(-1).astype(np.int32),
        "cand_ids": ids,
        "cand_log_probs": np.take_along_axis(log_probs, ids, -1),
        **weights,
    }
    named = sorted({*ids.flat, *chosen.flat})
    header = {
        "text": translation.text,
        "log_prob": translation.log_prob,
        "finished": translation.finished,
        "reads": trace.predicting.tokens[:rows],
        "predicts": trace.predicts,
        "tokens": {str(i): glass.tokenizer.readable(i) for i in named},
    }
    return header, {name: single(array) for name, array in arrays.items()}


def ids_of(glass: Glass, raw: str) -> list[int]:
    """Token ids written as "12.7.301" (links and addresses)."""
    last = glass.config.vocab_size - 1
    found = [whole_number(piece) for piece in raw.split(".")] if raw else []
    ids = [i for i in found if i is not None and 0 <= i <= last]
    if len(ids) < len(found):
        raise Refusal(f"Token ids run from 0 to {last}.")
    return ids


def branch(asked: Asked) -> bytes:
    """The lane that begins with the ids `forced` (up to an end token) and goes on greedily."""
    glass, translation = asked.glass, asked.translation
    forced = ids_of(glass, asked.values.get("forced", ""))
    check_room(glass, len(forced))
    other = glass.translate(translation.source, forced=forced)
    header, arrays = lane(glass, glass.trace(translation.source, other), other)
    anatomy = asked.trace.anatomy
    # Padding on purpose counts: nobody looks at it.
    n_source = len(asked.trace.sides[sentence_side(anatomy).name].tokens)
    for name in (block.part for block in attentions(anatomy) if not looks_back(block)):
        arrays[name] = np.pad(arrays[name], [(0, 0)] * 3 + [(0, n_source - arrays[name].shape[-1])])
    return pack({**header, "forced": forced[: len(other.steps)]}, arrays)


def check_room(glass: Glass, steps: int) -> None:
    if steps > glass.config.max_tgt_len:
        raise Refusal(f"A translation has at most {glass.config.max_tgt_len} tokens, not {steps}.")
