"""The decoding instrument: step by step and what else it could have said, samples, the beam's tree, teacher
forcing, alignment, and the key–value cache.

One message goes with the page (`message`: the translation as a lane, see `lanes`); what a tab needs besides
is asked for by its name (INSTRUMENT).
"""

from __future__ import annotations

from typing import Any

from model import Glass, Translation
from viz.instruments.base import Asked, Instrument, Numbers, Picture
from viz.instruments.decoding import lanes
from viz.instruments.decoding.parts import alignment, beam, cache, forcing, samples, steps
from viz.instruments.link import Choice, Count, Ids, heads, layers

PARTS = {
    "steps": steps,
    "beam": beam,
    "samples": samples,
    "forcing": forcing,
    "alignment": alignment,
    "cache": cache,
}
"""The tabs, in their order on screen."""


def message(asked: Asked) -> Picture:
    """The translation on the page as a lane, and what every part needs to know of the model."""
    glass, trace, translation = asked.glass, asked.trace, asked.translation
    config = glass.config
    lane, arrays = lanes.lane(glass, trace, translation)
    header = {
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "d_model": config.d_model,
        "vocab": config.vocab_size,
        "max_steps": config.max_tgt_len,
        "eos": config.eos_id,
        "alpha": glass.decoding.alpha,
        "beam": translation.beam,
        "greedy": beside_greedy(glass, translation),
        "source": trace.sides[lanes.sentence_side(trace.anatomy).name].tokens,
        "attentions": [
            {"name": block.part, "title": block.title, "label": block.label, "back": lanes.looks_back(block)}
            for block in lanes.attentions(trace.anatomy)
        ],
        **lane,
    }
    return header, arrays


def beside_greedy(glass: Glass, translation: Translation) -> dict[str, Any] | None:
    """What greedy decoding says where a beam's translation is shown: its ids, and the first step (from 0) at
    which it says something else (None: nowhere). None where the page is greedy."""
    if translation.beam == 1:
        return None
    taken = [step.id for step in translation.steps]
    ids = [step.id for step in beam.greedy_steps(glass, translation, glass.config.max_tgt_len)]
    apart = (t for t, (ours, theirs) in enumerate(zip(taken, ids, strict=False)) if ours != theirs)
    return {"ids": ids, "parts": next(apart, None)}


INSTRUMENT = Instrument(
    name="decoding",
    places=lambda anatomy: tuple(place for place in anatomy.answers if place == "decoding"),
    message=message,
    numbers={"branch": Numbers(lanes.branch)}
    | {name: numbers for part in PARTS.values() for name, numbers in part.NUMBERS.items()},
    link=(
        Choice("tab", tuple(PARTS)),
        Count("layer", layers),
        Count("head", heads),
        Count("step"),
        Ids("forced", of_sentence=True),
        Count("branch", of_sentence=True),
        *(parameter for part in PARTS.values() for parameter in part.LINK),
    ),
)
