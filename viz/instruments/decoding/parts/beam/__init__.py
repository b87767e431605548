"""The tree of a beam search: all candidates of all steps, what their rows looked at, and greedy's path in it.

score(Y) = log P(Y) / ((5 + |Y|) / 6)^α        see model.beam
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import torch

from model import Glass, Translation
from model.beam import BeamSearch, BeamStep, CrossAttention
from model.card import WIDEST_BEAM, Decoding, beam_example
from model.decoding import N_ALTERNATIVES, Step, greedy
from model.limits import ALPHA, BEAM, LENGTH, Limit
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers
from viz.instruments.link import Choice, Count, Number
from viz.instruments.output import single

DEFAULT_WIDTH = 4


def longest(asked: Asked) -> Limit:
    return LENGTH.but(most=asked.glass.config.max_tgt_len)


LINK = (
    Number("width", BEAM.but(name="width", most=WIDEST_BEAM), tab="beam"),
    Number("alpha", ALPHA.but(most=2), tab="beam"),
    Number("limit", longest, tab="beam"),
    Count("node", tab="beam"),
    Choice("pruned", ("all", "best 2", "none"), tab="beam"),
)
ENOUGH = 0.97
"""Output tokens for each of the reference below which outputs count as short."""


@torch.inference_mode()
def beam(asked: Asked) -> bytes:
    """The tree for `width`, `alpha` and at most `limit` tokens; `tree` and `heading` say what is in it."""
    glass, translation = asked.glass, asked.translation
    longest = glass.config.max_tgt_len
    width = int(asked.number(BEAM.but(name="width", most=WIDEST_BEAM), DEFAULT_WIDTH))
    alpha = asked.number(ALPHA, glass.decoding.alpha)
    limit = int(asked.number(LENGTH.but(most=longest), longest))
    watched = CrossAttention(glass.model.anatomy)
    search = BeamSearch(glass.model, list(translation.src_ids), width, alpha, watched.edits, limit)
    steps = list(search)
    arrays = tree(search, steps) | {"attention": watched.rows.numpy(force=True)}
    taken = greedy_steps(glass, translation, limit)
    header = heading(glass, search, taken)
    named = {*arrays["token"].tolist(), *arrays["cand_ids"].flat, *(step.id for step in taken)} - {-1}
    header["tokens"] = {str(i): glass.tokenizer.readable(i) for i in sorted(named)}
    return pack(header, {name: single(array) for name, array in arrays.items()})


def tree(search: BeamSearch, steps: list[BeamStep]) -> dict[str, np.ndarray]:
    """The search as arrays.

    By node: parent (−1: the root), step (from 0), token, log_prob (its own), total, score, kept, finished.
    By step: beam (step, place), the nodes that hold the places after it, −1 where there are fewer; needed.
    By row of the decoder: row, the node that it continued; cand_ids and cand_log_probs (row, candidate).
    """
    nodes, rows = search.nodes, search.rows
    beams = np.full((len(steps), search.width), -1, np.int32)
    for step in steps:
        beams[step.t, : len(step.beam)] = step.beam
    candidates = np.full((len(rows), N_ALTERNATIVES), -1, np.int32)
    log_probs = np.full((len(rows), N_ALTERNATIVES), -np.inf, np.float32)
    for i, row in enumerate(rows.values()):
        candidates[i, : len(row)] = [token.id for token in row]
        log_probs[i, : len(row)] = [token.log_prob for token in row]
    return {
        "parent": np.array([node.parent for node in nodes], np.int32),
        "step": np.array([node.t for node in nodes], np.int32),
        "token": np.array([node.token_id for node in nodes], np.int32),
        "log_prob": np.array([node.log_prob for node in nodes], np.float32),
        "total": np.array([node.total for node in nodes], np.float32),
        "score": np.array([node.score for node in nodes], np.float32),
        "kept": np.array([node.kept for node in nodes], np.uint8),
        "finished": np.array([node.finished for node in nodes], np.uint8),
        "beam": beams,
        "needed": np.array([step.needed for step in steps], np.float32),
        "row": np.array(list(rows), np.int32),
        "cand_ids": candidates,
        "cand_log_probs": log_probs,
    }


def greedy_steps(glass: Glass, translation: Translation, limit: int) -> list[Step]:
    """Greedy's translation of the same sentence, of at most `limit` steps."""
    if translation.beam == 1:
        return list(translation.steps[:limit])
    return list(islice(greedy(glass.model, list(translation.src_ids)), limit))


def heading(glass: Glass, search: BeamSearch, taken: list[Step]) -> dict[str, Any]:
    """The winner, and greedy beside it: its path through the tree, and its own translation to the end."""
    ids = [step.id for step in taken]
    path = search.greedy_path
    return {
        "width": search.width,
        "alpha": search.alpha,
        "limit": search.limit,
        "winner": search.beam[0].id,
        "greedy": {
            "path": [node.id for node in path],
            "left": None if path[-1].kept else path[-1].t,
            "ids": ids,
            "log_prob": sum(step.log_prob for step in taken),
            "finished": ids[-1] == glass.config.eos_id,
        },
        "example": beam_example(glass.card),
        "about_alpha": about_alpha(glass.decoding),
    }


def about_alpha(decoding: Decoding) -> str:
    """What α does, and why this model has the one that it has, as far as its card says."""
    text = "A larger α forgives a translation more of its length (textbooks use 0.6 to 1)"
    tried = {each.alpha: each for each in decoding.tried}
    ours, least = tried.get(decoding.alpha), min(tried, default=decoding.alpha)
    if ours is None or least == decoding.alpha:
        return f"{text}. The page uses {decoding.alpha:g}."
    other = tried[least]
    short = ": too short" if other.length < ENOUGH else ""
    better = (
        f"{ours.alpha:g} gives BLEU {ours.bleu_lc} and {ours.length:.2f} tokens for each of the reference"
    )
    worse = f"{other.alpha:g} {other.bleu_lc} and {other.length:.2f}{short}"
    return f"{text}: on {decoding.chosen_on} {better}, {worse}."


NUMBERS = {"beam": Numbers(beam)}
