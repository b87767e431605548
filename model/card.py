"""What card.json says about its model, read in one place. Anybody may have written it: what makes no sense
reads as not said.

    "decoding":     {"beam": 4, "alpha": 1.0, "chosen_on": "val, 1,014 sentences", "tried": [{"alpha": …}, …]}
    "examples":     [{"text": "I love you.", "accept": ["Ich liebe dich."], "origin": "corpus"}, …]
    "beam_example": "A dog running through deep snow pack."

`decoding` is written by `model.evaluate --choose-alpha`, `examples` by `model.examples`, `beam_example` by
`model.beam_example`; each with --card.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDEST_BEAM = 8
HIGHEST_ALPHA = 2.0
ORIGINS = ("corpus", "ours")


@dataclass(frozen=True)
class Trial:
    """What one α gave on the sentences that it was tried on; `length`: output tokens a reference token."""

    alpha: float
    bleu_lc: float
    chrf: float
    length: float


@dataclass(frozen=True)
class Decoding:
    """How a model decodes where nobody says otherwise: beam width (1: greedy) and length penalty α."""

    beam: int = 1
    alpha: float = 1.0
    chosen_on: str = ""
    tried: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class Example:
    """A sentence to start with, its right translations, the best first, and where that one comes from."""

    text: str
    accept: tuple[str, ...]
    origin: str = "ours"


def number(value: Any, least: float, most: float) -> float | None:
    """The value if it is a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        return None
    return value


def words(value: Any) -> str:
    """The value if it is a text that can be encoded, without outer white space; else an empty one."""
    text = value.strip() if isinstance(value, str) else ""
    return text.encode("utf-8", "ignore").decode()


def section(card: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `name` of a card; an empty one where there is none."""
    below = card.get(name)
    return below if isinstance(below, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def decoding(card: Mapping[str, Any]) -> Decoding:
    """The model's default decoding; greedy where the card names none."""
    said, plain = section(card, "decoding"), Decoding()
    beam = number(said.get("beam"), 1, WIDEST_BEAM)
    alpha = number(said.get("alpha"), 0, HIGHEST_ALPHA)
    return Decoding(
        beam=int(beam) if beam is not None and beam == int(beam) else plain.beam,
        alpha=plain.alpha if alpha is None else float(alpha),
        chosen_on=words(said.get("chosen_on")),
        tried=tuple(filter(None, map(trial, objects(said.get("tried"))))),
    )


def trial(said: Mapping[str, Any]) -> Trial | None:
    limits = {"alpha": HIGHEST_ALPHA, "bleu_lc": 100, "chrf": 100, "length": math.inf}
    values = {name: number(said.get(name), 0, most) for name, most in limits.items()}
    return None if None in values.values() else Trial(**values)


def examples(card: Mapping[str, Any]) -> tuple[Example, ...]:
    """The card's example sentences, each once."""
    found: dict[str, Example] = {}
    for said in objects(card.get("examples")):
        text, accept = words(said.get("text")), said.get("accept")
        right = tuple(filter(None, map(words, accept))) if isinstance(accept, list) else ()
        origin = said.get("origin") if said.get("origin") in ORIGINS else Example.origin
        if text:
            found.setdefault(text, Example(text, right, origin))
    return tuple(found.values())


def beam_example(card: Mapping[str, Any]) -> str | None:
    """A sentence where beam search beats greedy."""
    return words(card.get("beam_example")) or None
