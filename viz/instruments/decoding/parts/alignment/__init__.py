"""Alignment between source and target words, and what attention does not say.

`align`: how the tokens of both sides join into words, and the dot products that all norms are made of (see
`model.influence.products`). `influence`: what masking out each source token does to one step of a lane, and
the norms of that step. A lane is named by the ids that it takes, `ids`, the end token included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model import Glass
from model import influence as owed
from model.tokenizer import SPACE, Tokenizer, readable_bytes
from model.words import word_groups
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers, Refusal
from viz.instruments.decoding.lanes import attentions, ids_of, looks_back, sentence_side
from viz.instruments.link import Choice, Text
from viz.instruments.output import single

LINK = (
    Choice("words", ("tokens",), tab="alignment"),
    Text("align", 60, tab="alignment"),
)


def word_text(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """A word as the screen shows it: without the space before it, a special token by its name."""
    raw = b"".join(map(tokenizer.token_bytes, ids))
    text = readable_bytes(raw) or tokenizer.readable(ids[0])
    return text.removeprefix(SPACE) or text


def words(glass: Glass, ids: Sequence[int], side: str) -> tuple[dict[str, list[str]], dict[str, np.ndarray]]:
    """Header and arrays of one side: its words; the word of each token, and which tokens are special."""
    tokenizer = glass.tokenizer
    groups = word_groups(tokenizer, ids)
    texts = [word_text(tokenizer, ids[group.start : group.stop]) for group in groups]
    of_token = np.repeat(np.arange(len(groups), dtype=np.int32), list(map(len, groups)))
    special = np.array([not tokenizer.token_bytes(i) for i in ids], dtype=np.uint8)
    return {f"{side}_words": texts}, {f"{side}_groups": of_token, f"{side}_special": special}


def lane_ids(asked: Asked) -> list[int]:
    """The ids that the lane takes, those of the page's translation if the address has none."""
    glass, raw = asked.glass, asked.values.get("ids")
    ids = glass.rows(asked.translation.ids)[1] if raw is None else ids_of(glass, raw)
    if not 1 <= len(ids) <= glass.config.max_tgt_len:
        raise Refusal(f"A translation has 1 to {glass.config.max_tgt_len} tokens.")
    return ids


def align(asked: Asked) -> bytes:
    """Of source and target: groups int32 and special uint8 (token,), see `words`; products float32
    (layer, source, head, head)."""
    glass, trace = asked.glass, asked.trace
    source, source_arrays = words(glass, trace.sides[sentence_side(trace.anatomy).name].ids, "source")
    target, target_arrays = words(glass, lane_ids(asked), "target")
    products = single(owed.products(glass.model, trace).numpy())
    return pack(source | target, source_arrays | target_arrays | {"products": products})


def influence(asked: Asked) -> bytes:
    """Of `step` (from 0) of the lane: log_probs float32 (1 + source,), with all of the source and with
    each token masked out; norms (layer, head, source), layer_norms (layer, source) and the weights that they
    are made of, shaped as norms: those of one pass, which those of the steps equal but for rounding."""
    glass, trace, translation = asked.glass, asked.trace, asked.translation
    ids = lane_ids(asked)
    step = asked.whole("step", 0, len(ids) - 1)
    log_probs = owed.log_probs_masking(glass.model, translation.src_ids, ids, step).numpy()
    is_page = ids == glass.rows(translation.ids)[1]
    lane = trace if is_page else glass.trace(translation.source, ids[:step])
    anatomy = lane.anatomy
    block = next(block for block in attentions(anatomy) if not looks_back(block))
    weights = [lane[f"{block.scope(i)}.weights"].value[:, step] for i in range(anatomy.n_layers(block))]
    norms, layer_norms = (each.numpy() for each in owed.norms(glass.model, lane, step))
    arrays = {"norms": norms, "layer_norms": layer_norms, "weights": np.stack(weights)}
    n_source = len(
        trace.sides[sentence_side(anatomy).name].ids
    )  # padding on purpose counts: nobody looks at it, masked out or not
    sent = {name: np.zeros((*array.shape[:-1], n_source), np.float32) for name, array in arrays.items()}
    for name, array in arrays.items():
        sent[name][..., : array.shape[-1]] = array
    sent["log_probs"] = single(np.append(log_probs, [log_probs[0]] * (1 + n_source - len(log_probs))))
    return pack({"step": step}, sent)


NUMBERS = {"align": Numbers(align), "influence": Numbers(influence)}
