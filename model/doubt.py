"""When a translation deserves doubt. Three figures may raise one, each beyond the limit that the card gives:

    sureness    exp(1/n Σ log p_t), over the n tokens of the translation, end token included; below `least`
    length      tokens of the source; above `longest`: longer than nearly all that the model learnt from
    pieces      tokens of one source word; from `pieces` on: as hardly any word that it learnt from

Where the limits come from, and how often such a doubt is right: `model.confidence`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model import card
from model.glass import Glass, Translation
from model.words import word_groups


@dataclass(frozen=True)
class Doubt:
    """One reason to doubt a translation: the figure `kind`, its value, and the limit that it passed.

    `kind`: "sureness", "length" (tokens), or "pieces" (of the source word `word`).
    """

    kind: str
    value: float
    limit: float
    word: str = ""


def sureness(translation: Translation) -> float:
    """The geometric mean of the probabilities of the tokens that were taken."""
    return math.exp(translation.log_prob / len(translation.steps))


def rarest_word(glass: Glass, src_ids: Sequence[int]) -> tuple[int, str]:
    """The source's word of most pieces: how many, and the word."""
    decode = glass.tokenizer.decode
    texts = [
        (len(group), decode(src_ids[group.start : group.stop]).strip()) for group in groups(glass, src_ids)
    ]
    return max(texts, key=lambda found: found[0], default=(0, ""))


def groups(glass: Glass, src_ids: Sequence[int]) -> list[range]:
    """The words of a source, the end token left out."""
    return word_groups(glass.tokenizer, [i for i in src_ids if i != glass.config.eos_id])


def doubts(glass: Glass, translation: Translation) -> tuple[Doubt, ...]:
    """Why this translation deserves doubt; empty where it does not, or where the card does not say."""
    known = card.confidence(glass.card)
    if known is None:
        return ()
    sure, length = sureness(translation), len(translation.src_ids)
    pieces, word = rarest_word(glass, translation.src_ids)
    found = []
    if sure < known.least:
        found.append(Doubt("sureness", sure, known.least))
    if length > known.longest:
        found.append(Doubt("length", length, known.longest))
    if pieces >= known.pieces and (found or known.pieces_alone):
        found.append(Doubt("pieces", pieces, known.pieces, word))
    return tuple(found)
