"""The translation as token chips: each with its probability, and what else the model considered there."""

from __future__ import annotations

import math
from typing import Any

from model import Glass, Translation
from viz.instruments.base import Asked, Instrument, Picture

SHOWN_ALTERNATIVES = 5


def chips(glass: Glass, translation: Translation) -> list[dict[str, Any]]:
    """One chip a step, the end token included: token, probability, and the most probable tokens there."""
    readable = glass.tokenizer.readable
    return [
        {
            "token": readable(step.id),
            "probability": math.exp(step.log_prob),
            "alternatives": [
                {"token": readable(other.id), "probability": math.exp(other.log_prob)}
                for other in step.alternatives[:SHOWN_ALTERNATIVES]
            ],
        }
        for step in translation.steps
    ]


def message(asked: Asked) -> Picture:
    return {"chips": chips(asked.glass, asked.translation)}, {}


INSTRUMENT = Instrument(name="translation", places=lambda _: (), message=message)
