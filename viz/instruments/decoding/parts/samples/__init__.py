"""Samples: translations drawn at random, the same ones counted together."""

from __future__ import annotations

from collections import Counter

import numpy as np

from model import Glass, Translation
from model.limits import SAMPLES, SEED, TEMPERATURE, TOP_K, TOP_P
from model.sampling import Sample, sample
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers
from viz.instruments.link import Number

MOST_SAMPLES = 50
LINK = (
    Number("temperature", TEMPERATURE.but(least=0.1, most=2, zero=""), tab="samples"),
    Number("top_k", TOP_K.but(most=100), tab="samples"),
    Number("top_p", TOP_P.but(least=0.05), tab="samples"),
    Number("samples", SAMPLES.but(most=MOST_SAMPLES), tab="samples"),
    Number("seed", SEED.but(most=999_999), tab="samples"),
)


def greedy_ids(glass: Glass, translation: Translation) -> tuple[int, ...]:
    """Ids of the greedy translation, the end token included where it came."""
    greedy = translation if translation.beam == 1 else glass.translate(translation.source)
    return tuple(step.id for step in greedy.steps)


def distinct(samples: list[Sample]) -> list[tuple[Sample, int]]:
    """Each sequence once, with how often it was drawn: most often first, then most probable first."""
    counts = Counter(found.ids for found in samples)
    first = {found.ids: found for found in reversed(samples)}
    return sorted(
        ((first[ids], count) for ids, count in counts.items()),
        key=lambda pair: (-pair[1], -sum(pair[0].log_probs)),
    )


def samples(asked: Asked) -> bytes:
    """Drawn translations. Arrays, all sequences one behind the other: ids int32; log_probs (of the model
    itself) and drawn_log_probs (of what was drawn from): float32; counts and lengths int32, one a sequence.
    """
    glass, translation = asked.glass, asked.translation
    top_k = int(asked.number(TOP_K.but(most=glass.config.vocab_size, zero="all"), 0))
    found = distinct(
        sample(
            glass.model,
            list(translation.src_ids),
            int(asked.number(SAMPLES.but(most=MOST_SAMPLES), 20)),
            asked.number(TEMPERATURE, 1.0),
            top_k or None,
            asked.number(TOP_P, 1.0),
            int(asked.number(SEED, 1)),
        )
    )
    greedy = greedy_ids(glass, translation)
    ids = [i for each, _ in found for i in each.ids]
    header = {
        "texts": [
            glass.tokenizer.decode(each.ids[: len(each.ids) - each.finished]).strip() for each, _ in found
        ],
        "finished": [each.finished for each, _ in found],
        "greedy": [each.ids == greedy for each, _ in found],
        "tokens": {str(i): glass.tokenizer.readable(i) for i in sorted(set(ids))},
    }
    arrays = {
        "ids": np.array(ids, dtype=np.int32),
        "log_probs": np.array([p for each, _ in found for p in each.log_probs], dtype=np.float32),
        "drawn_log_probs": np.array([p for each, _ in found for p in each.drawn_log_probs], dtype=np.float32),
        "counts": np.array([count for _, count in found], dtype=np.int32),
        "lengths": np.array([len(each.ids) for each, _ in found], dtype=np.int32),
    }
    return pack(header, arrays)


NUMBERS = {"samples": Numbers(samples)}
