"""Teacher forcing against free running: a reference, scored token by token, above the model's own words."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch

from model import Glass, TextError, Translation, card
from model.forcing import one_pass, step_by_step
from model.text import read
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers
from viz.instruments.link import Text
from viz.instruments.output import single

LINK = (Text("reference", 2000, tab="forcing", of_sentence=True),)
MODEL, TYPED = "model", "typed"
"""Where a reference comes from; that of an example of the card says it itself (see `model.card.ORIGINS`)."""


def said_of(example: card.Example) -> str:
    """Where the example's reference comes from, in words."""
    if example.origin != "corpus":
        return "our own translation"
    return f"from the corpus ({example.corpus})" if example.corpus else "from the corpus"


def reference_of(
    glass: Glass, translation: Translation, typed: str | None
) -> tuple[str, list[int], str, str]:
    """The reference: typed, else the example's if it fits, else the model's own words. Its text, ids, origin,
    and the origin in words.

    Raises TextError for a typed one that is empty or too long.
    """
    limit = glass.config.max_tgt_len
    if typed is not None:
        return read(typed), glass.limited_ids(typed, "reference", limit), TYPED, ""
    examples = {read(example.text): example for example in card.examples(glass.card)}
    known = examples.get(read(translation.source))
    if known and known.accept:
        with contextlib.suppress(TextError):
            ids = glass.limited_ids(known.accept[0], "reference", limit)
            return known.accept[0], ids, known.origin, said_of(known)
    beam = f" (beam {translation.beam})" if translation.beam > 1 else ""
    return translation.text, list(translation.ids), MODEL, f"the model's own translation{beam}"


def scores(glass: Glass, src_ids: tuple[int, ...], ids: list[int]) -> dict[str, np.ndarray]:
    """The reference step by step: ids; log_probs by one pass; step_log_probs by the incremental decoder;
    ranks (1: the most probable); best_ids and best_log_probs: what the model would have said there.
    """
    reads, predicts = glass.rows(ids)
    at_once, stepped = (score(glass.model, src_ids, reads) for score in (one_pass, step_by_step))
    wanted = torch.tensor(predicts)[:, None]
    log_probs = at_once.gather(-1, wanted)
    best = at_once.max(-1)
    return {
        "ids": wanted[:, 0].int().numpy(),
        "log_probs": log_probs[:, 0].numpy(),
        "step_log_probs": stepped.gather(-1, wanted)[:, 0].numpy(),
        "ranks": 1 + (at_once > log_probs).sum(-1).int().numpy(),
        "best_ids": best.indices.int().numpy(),
        "best_log_probs": best.values.numpy(),
    }


def free_running(glass: Glass, translation: Translation) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The greedy translation: its text, and ids and log-probabilities of its steps."""
    own = translation if translation.beam == 1 else glass.translate(translation.source)
    arrays = {
        "own_ids": np.array([step.id for step in own.steps], dtype=np.int32),
        "own_log_probs": np.array([step.log_prob for step in own.steps]),
    }
    return {"own_text": own.text, "own_finished": own.finished}, arrays


def forcing(asked: Asked) -> bytes:
    """Two lanes: fed with the reference, and fed with the model's own words."""
    glass, translation = asked.glass, asked.translation
    text, ids, origin, said = reference_of(glass, translation, asked.values.get("reference"))
    own, own_arrays = free_running(glass, translation)
    arrays = scores(glass, translation.src_ids, ids) | own_arrays
    named = {*arrays["ids"], *arrays["best_ids"], *arrays["own_ids"]}
    header = {
        "reference": text,
        "origin": origin,
        "said": said,
        "start": glass.tokenizer.readable(glass.config.bos_id),
        "tokens": {str(i): glass.tokenizer.readable(int(i)) for i in sorted(named)},
        **own,
    }
    return pack(header, {name: single(array) for name, array in arrays.items()})


NUMBERS = {"forcing": Numbers(forcing)}
