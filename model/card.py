"""What card.json says about its model, read in one place. Anybody may have written it: what makes no sense
reads as not said.

    "decoding":     {"beam": 4, "alpha": 1.0, "chosen_on": "val, 1,014 sentences", "tried": [{"alpha": …}, …]}
    "examples":     [{"text": "I love you.", "accept": ["Ich liebe dich."], "origin": "corpus",
                      "corpus": "Tatoeba"}, …]
    "beam_example": "A dog running through deep snow pack."
    "confidence":   {"least": 0.53, "longest": 31, "pieces": 4, "auc": 0.79, …}

`decoding` is written by `model.choose_alpha`, `examples` by `model.examples`, `beam_example` by
`model.beam_example`, `confidence` by `model.confidence`; each with --card.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

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
    """A sentence to start with, its right translations, the best first, and where that one comes from: us, or
    a corpus (by its name, if the card says it)."""

    text: str
    accept: tuple[str, ...]
    origin: str = "ours"
    corpus: str = ""


@dataclass(frozen=True)
class Confidence:
    """From where on a translation deserves doubt, and how often that was right: see `model.doubt`.

    `least` sureness; `longest` source in tokens; a source word of `pieces` tokens or more is a rare one, and
    reason enough on its own if `pieces_alone`. Of the translations tried, the share `appears` got a doubt, of
    which the share `right` was poor: sentence chrF below `poor_below`. `auc`: of sureness, against poor.
    """

    least: float
    longest: int
    pieces: int
    pieces_alone: bool
    appears: float
    right: float
    auc: float
    poor_below: float


def number(value: object, least: float, most: float) -> float | None:
    """The value if it is a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        return None
    return value


def whole(value: object, least: float, most: float) -> int | None:
    """The value if it is a whole number from `least` to `most`."""
    found = number(value, least, most)
    return int(found) if found is not None and found == int(found) else None


def numbers(said: Mapping[str, object], limits: Mapping[str, float]) -> dict[str, float] | None:
    """The numbers of these names, each from 0 to its limit; None unless all of them are there."""
    values = {name: number(said.get(name), 0, most) for name, most in limits.items()}
    found = {name: value for name, value in values.items() if value is not None}
    return found if len(found) == len(limits) else None


def words(value: object) -> str:
    """The value if it is a text that can be encoded, without outer white space; else an empty one."""
    text = value.strip() if isinstance(value, str) else ""
    return text.encode("utf-8", "ignore").decode()


def section(card: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The object `name` of a card; an empty one where there is none."""
    below = card.get(name)
    return below if isinstance(below, Mapping) else {}


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects in a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def decoding(card: Mapping[str, object]) -> Decoding:
    """The model's default decoding; greedy where the card names none."""
    said, plain = section(card, "decoding"), Decoding()
    beam = whole(said.get("beam"), 1, WIDEST_BEAM)
    alpha = number(said.get("alpha"), 0, HIGHEST_ALPHA)
    return Decoding(
        beam=plain.beam if beam is None else beam,
        alpha=plain.alpha if alpha is None else float(alpha),
        chosen_on=words(said.get("chosen_on")),
        tried=tuple(filter(None, map(trial, objects(said.get("tried"))))),
    )


def trial(said: Mapping[str, object]) -> Trial | None:
    values = numbers(said, {"alpha": HIGHEST_ALPHA, "bleu_lc": 100, "chrf": 100, "length": math.inf})
    return None if values is None else Trial(**values)


def examples(card: Mapping[str, object]) -> tuple[Example, ...]:
    """The card's example sentences, each once."""
    found: dict[str, Example] = {}
    for said in objects(card.get("examples")):
        text, accept = words(said.get("text")), said.get("accept")
        right = tuple(filter(None, map(words, accept))) if isinstance(accept, list) else ()
        origin = next((known for known in ORIGINS if known == said.get("origin")), Example.origin)
        if text:
            corpus = words(said.get("corpus")) if origin == "corpus" else ""
            found.setdefault(text, Example(text, right, origin, corpus))
    return tuple(found.values())


def beam_example(card: Mapping[str, object]) -> str | None:
    """A sentence where beam search beats greedy."""
    return words(card.get("beam_example")) or None


def confidence(card: Mapping[str, object]) -> Confidence | None:
    """When the model's translations deserve doubt; None where the card does not say all of it."""
    said = section(card, "confidence")
    values = numbers(said, {"least": 1, "appears": 1, "right": 1, "auc": 1, "poor_below": 100})
    longest, pieces = (whole(said.get(name), 0, 10**6) for name in ("longest", "pieces"))
    if values is None or longest is None or pieces is None:
        return None
    alone = said.get("pieces_alone") is True
    return Confidence(longest=longest, pieces=pieces, pieces_alone=alone, **values)


def languages(card: Mapping[str, object], otherwise: str) -> tuple[str, str]:
    """Source and target language, as the card's name says them (en-de), or the name `otherwise`."""
    src, _, tgt = (words(card.get("name")) or otherwise).partition("-")
    return src, tgt
