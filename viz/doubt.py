"""When a translation deserves doubt, in words: see `model.doubt`."""

from __future__ import annotations

from model import Glass, Translation, card
from model.doubt import Doubt, doubts

LONGEST_WORD = 30
"""Characters of a word that is named."""


def reason(doubt: Doubt, right: float) -> str:
    """One reason, with the figure that gave it; `right` is how often the first kind was right in tests."""
    if doubt.kind == "sureness":
        return (
            f"its tokens have a probability of {doubt.value:.0%} on average, and below {doubt.limit:.0%} "
            f"{right:.0%} of its test translations were poor"
        )
    if doubt.kind == "length":
        return (
            f"the sentence has {doubt.value:.0f} tokens, and hardly any that it learnt from has more than "
            f"{doubt.limit:.0f}"
        )
    word = doubt.word if len(doubt.word) <= LONGEST_WORD else f"{doubt.word[:LONGEST_WORD]}…"
    return f"“{word}” is rare to it, read in {doubt.value:.0f} pieces"


def doubt_sentence(glass: Glass, translation: Translation) -> str | None:
    """Why the model is unsure of its translation, in one sentence; None where it is not."""
    known, found = card.confidence(glass.card), doubts(glass, translation)
    if known is None or not found:
        return None
    return f"The model is unsure here: {'; '.join(reason(doubt, known.right) for doubt in found)}."


def about_doubts(glass: Glass) -> str | None:
    """How often the model's page says that it is unsure, and how often that is right."""
    known = card.confidence(glass.card)
    if known is None:
        return None
    return (
        f"Where its tokens have a probability below {known.least:.0%} on average (their geometric mean), the "
        f"page says that it is unsure: in tests of {known.appears:.0%} of the translations, of which "
        f"{known.right:.0%} were poor (chrF under {known.poor_below:.0f}; ROC AUC {known.auc:.2f})."
    )
