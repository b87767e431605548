"""What if the positions were other ones? The same trained parameters, run with changed positions.

    positions off      x = embed                              (the encoder reads a bag of words)
    offset k           x_p = embed_p + PE(p + k)
    base b             PE(p, 2i) = sin(p / b^(2i/d_model)), PE(p, 2i+1) = cos of the same
    order              the source's words in another order; punctuation and the end token stay in their places

For example:

    translation, trace = run(load("en-de"), "A dog bites a man.", Experiment(positions="off"))

The model itself knows nothing of this: a shallow copy of it, which shares every parameter, gets a positional
encoding that reads other vectors. The model that is shared among threads is never touched.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.glass import Glass, Translation
from model.positions import Learned, PositionalEncoding, Sinusoidal, wavelength_angles
from model.tokenizer import Tokenizer
from model.trace import Trace
from model.transformer import Transformer
from model.words import word_groups

BASE = 10_000.0
FARTHEST = 100_000
"""Offsets up to this far: beyond, a float32 says nothing certain about the fastest waves."""


@dataclass(frozen=True)
class Experiment:
    """One change of positions; the default changes nothing. Nonsense raises ValueError with one sentence.

    `positions`, `offset` and `base` act on both sides, encoder and decoder. `order` acts on the source: it
    lists, for each place of a word, which word stands there now (from 0); None: as typed. Where positions are
    off, offset and base have nothing to act on and must stay as they are.
    """

    positions: str = "on"
    offset: int = 0
    base: float = BASE
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.positions not in ("on", "off"):
            raise ValueError(f"Positions are on or off, not {self.positions!r}.")
        if not -FARTHEST <= self.offset <= FARTHEST:
            raise ValueError(f"The offset must lie within ±{FARTHEST:,}, not {self.offset:,}.")
        if not (math.isfinite(self.base) and self.base > 1):
            raise ValueError(f"The wavelengths' base must be a number above 1, not {self.base}.")
        if self.positions == "off" and (self.offset or self.base != BASE):
            raise ValueError("Without positions there is nothing to shift and there are no wavelengths.")
        if self.order is not None and sorted(self.order) != list(range(len(self.order))):
            raise ValueError("The order must name each word once.")

    @property
    def changes_vectors(self) -> bool:
        """Whether the position vectors are others than the model's own."""
        return self.positions == "off" or self.offset != 0 or self.base != BASE


def refusal(encoding: PositionalEncoding, experiment: Experiment) -> str | None:
    """Why a model with this encoding cannot take the experiment; None where it can."""
    name = encoding.config.positions
    if not experiment.changes_vectors or isinstance(encoding, Sinusoidal):
        return None
    if not isinstance(encoding, Learned):
        return f"A model with {name} positions adds no position vectors: only its words can be shuffled."
    if experiment.positions == "on":
        return "Learned positions have no wavelengths and end with the last one learned: switch them off."
    return None


class OtherPositions(PositionalEncoding):
    """The vectors of `encoding` as an experiment changes them."""

    def __init__(self, encoding: PositionalEncoding, experiment: Experiment) -> None:
        super().__init__(encoding.config)
        self.encoding, self.experiment = encoding, experiment

    @property
    def adds(self) -> bool:
        return self.encoding.adds and self.experiment.positions == "on"

    def vectors(self, at: Tensor) -> Tensor | None:
        if self.experiment.positions == "off":
            return None
        at = at + self.experiment.offset
        if self.experiment.base == BASE:
            return self.encoding.vectors(at)
        angles = wavelength_angles(at, self.config.d_model, self.experiment.base)
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
        return waves[:, : self.config.d_model].to(self.encoding.get_buffer("table"))


def with_positions(model: Transformer, experiment: Experiment) -> Transformer:
    """A model that shares every parameter with `model` and reads the experiment's position vectors."""
    if not experiment.changes_vectors:
        return model
    return model.with_encoding(OtherPositions(model.encoding, experiment))


def word_places(tokenizer: Tokenizer, ids: Sequence[int]) -> list[range]:
    """Where the words of a text stand among its tokens: one run of tokens a word, punctuation left out.

    A word is what stands between spaces, without the punctuation around it ("didn't" is one).
    """
    groups = word_groups(tokenizer, ids)
    return [group for group in groups if re.search(r"\w", tokenizer.decode(ids[group.start : group.stop]))]


def shuffled(n_words: int, seed: int) -> tuple[int, ...]:
    """A random order of `n_words` words; another one than typed wherever there are two or more."""
    order, chance = list(range(n_words)), random.Random(seed)
    while n_words > 1 and order == sorted(order):
        chance.shuffle(order)
    return tuple(order)


def token_order(places: Sequence[range], order: tuple[int, ...], n_tokens: int) -> list[int]:
    """For each token of the reordered source, its place in the source as typed."""
    if len(order) != len(places):
        raise ValueError(f"The sentence has {len(places)} words; the order names {len(order)}.")
    found, at = [], 0
    for place, word in zip(places, order, strict=True):
        found += [*range(at, place.start), *places[word]]
        at = place.stop
    return [*found, *range(at, n_tokens)]


class OtherGlass(Glass):
    """A Glass under an experiment; it shares everything with the one it was made from.

    Raises ValueError with a sentence where the model's encoding cannot take the experiment.
    """

    def __init__(self, glass: Glass, experiment: Experiment) -> None:
        if reason := refusal(glass.model.encoding, experiment):
            raise ValueError(reason)
        vars(self).update(vars(glass))
        self.experiment = experiment
        self.model = with_positions(glass.model, experiment)

    def typed_places(self, text: str) -> list[int]:
        """For each source token that the model reads, its place in the sentence as typed."""
        ids = super().source_ids(text)
        if self.experiment.order is None:
            return list(range(len(ids)))
        return token_order(word_places(self.tokenizer, ids[:-1]), self.experiment.order, len(ids))

    def source_ids(self, text: str) -> list[int]:
        ids = super().source_ids(text)
        return [ids[place] for place in self.typed_places(text)]


def n_words(glass: Glass, text: str) -> int:
    """How many words of the text an order names."""
    return len(word_places(glass.tokenizer, glass.source_ids(text)[:-1]))


def run(
    glass: Glass,
    text: str,
    experiment: Experiment,
    target: Translation | Sequence[int] | None = None,
    beam: int = 1,
) -> tuple[Translation, Trace]:
    """Translation under the experiment, and a trace: of it, or of `target` (maps of one target compare).

    Raises ValueError with a sentence where the model or the sentence cannot take the experiment.
    """
    other = OtherGlass(glass, experiment)
    translation = other.translate(text, beam)
    return translation, other.trace(text, translation if target is None else target)
