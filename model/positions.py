"""Positional encodings: how a Transformer learns the order of its tokens.

An encoding may act in three places, and each subclass overrides the one it uses: `vectors` (added to the
embeddings: sinusoidal, learned), `rotate` (queries and keys: rotary), `bias` (on the scaled scores: ALiBi).
Positions are passed, never assumed: a cached step, a shifted or a shuffled sentence is just another `at`.

Sources: sinusoidal and learned, Vaswani et al. 2017 §3.5; rotary, Su et al. 2021 eq. 34;
ALiBi, Press et al. 2022 §3. Rotary and ALiBi act in self-attention only: between two languages there is no
distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor, nn

from model.config import Config

ENCODINGS: dict[str, type[PositionalEncoding]] = {}


Encoding = TypeVar("Encoding", bound="PositionalEncoding")


def register(name: str) -> Callable[[type[Encoding]], type[Encoding]]:
    """Class decorator: list the encoding under `name`, the word that config.positions uses."""

    def add(cls: type[Encoding]) -> type[Encoding]:
        ENCODINGS[name] = cls
        return cls

    return add


@register("none")
class PositionalEncoding(nn.Module):
    """No positions at all: a sentence is a bag of words. Base of the others."""

    rotates = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def vectors(self, at: Tensor) -> Tensor | None:  # noqa: ARG002  (for those that override it)
        """Position vectors (query, d_model) to add at the positions `at` (query,), or None."""
        return None

    @property
    def adds(self) -> bool:
        """Whether position vectors are added to the token vectors: whether `vectors` is overridden."""
        return type(self).vectors is not PositionalEncoding.vectors

    def rotate(
        self,
        q: Tensor,
        k: Tensor,
        q_at: Tensor,  # noqa: ARG002  (for those that override it)
        k_at: Tensor,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        """q (batch, head, query, d_head) and k (batch, head, key, d_head), turned by their positions."""
        return q, k

    def bias(self, q_at: Tensor, k_at: Tensor) -> Tensor | None:  # noqa: ARG002  (for those that override it)
        """A bias (head, query, key) on the scaled scores, or None."""
        return None


def wavelength_angles(at: Tensor, width: int, base: float = 10_000.0) -> Tensor:
    """Angles (query, width / 2) in radians: position over base^(2i / width), for pair i."""
    pairs = torch.arange(0, width, 2, device=at.device, dtype=torch.float64)
    return at.to(torch.float64)[:, None] * base ** (-pairs / width)


@dataclass(frozen=True, eq=False)
class Where:
    """Where queries (query,) and keys (key,) stand, and the encoding that acts between them.

    Without an encoding nothing does: between two texts there is no distance.
    """

    q_at: Tensor
    k_at: Tensor
    encoding: PositionalEncoding | None = None

    @property
    def rotates(self) -> bool:
        return self.encoding is not None and self.encoding.rotates

    def rotate(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """q and k, turned by their positions."""
        return (q, k) if self.encoding is None else self.encoding.rotate(q, k, self.q_at, self.k_at)

    @cached_property
    def bias(self) -> Tensor | None:
        """What is added to the scaled scores, the same in each layer: (head, query, key), or None."""
        return None if self.encoding is None else self.encoding.bias(self.q_at, self.k_at)


@register("sinusoidal")
class Sinusoidal(PositionalEncoding):
    """PE(p, 2i) = sin(p / 10000^(2i/d_model)), PE(p, 2i+1) = cos of the same: pairs of a clock's hands."""

    table: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        table = self.make_table(torch.arange(config.max_len))
        self.register_buffer("table", table.to(torch.get_default_dtype()), persistent=False)

    def make_table(self, at: Tensor) -> Tensor:
        """Encodings (query, d_model) in float64, for any positions (fractional and negative ones too)."""
        d_model = self.config.d_model
        angles = wavelength_angles(at, d_model)
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[:, :d_model]

    def vectors(self, at: Tensor) -> Tensor:
        inside = not at.is_floating_point() and bool(((at >= 0) & (at < len(self.table))).all())
        return self.table[at] if inside else self.make_table(at).to(self.table)


@register("learned")
class Learned(PositionalEncoding):
    """One trained vector a position."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.table = nn.Parameter(torch.randn(config.max_len, config.d_model) * config.d_model**-0.5)

    def vectors(self, at: Tensor) -> Tensor:
        return self.table[at]


@register("rotary")
class Rotary(PositionalEncoding):
    """Each pair (2i, 2i+1) of q or k turns by p / 10000^(2i/d_head): q·k depends on distance only."""

    rotates = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.d_head % 2:
            raise ValueError(
                f"config: rotary positions turn pairs, so d_head must be even, not {config.d_head}."
            )

    def turn(self, x: Tensor, at: Tensor) -> Tensor:
        angles = wavelength_angles(at, x.shape[-1])
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)

    def rotate(self, q: Tensor, k: Tensor, q_at: Tensor, k_at: Tensor) -> tuple[Tensor, Tensor]:
        return self.turn(q, q_at), self.turn(k, k_at)


@register("alibi")
class Alibi(PositionalEncoding):
    """−m·|i − j| on each score: the farther, the lower; slope m = 2^(−8h/n_heads) for head h = 1…"""

    def bias(self, q_at: Tensor, k_at: Tensor) -> Tensor:
        n_heads = self.config.n_heads
        heads = torch.arange(1, n_heads + 1, device=q_at.device)
        slopes = 2.0 ** (-8.0 * heads.to(torch.get_default_dtype()) / n_heads)
        return -slopes[:, None, None] * (q_at[:, None] - k_at[None, :]).abs()


def make_encoding(config: Config) -> PositionalEncoding:
    """The encoding that the config names; an unknown name raises ValueError that lists the known ones."""
    if config.positions not in ENCODINGS:
        known = ", ".join(sorted(ENCODINGS))
        raise ValueError(f"config: positions must be one of {known}, not {config.positions[:20]!r}.")
    return ENCODINGS[config.positions](config)


def rotation(k: float, d_model: int) -> Tensor:
    """The fixed matrix R (d_model, d_model) with PE(p + k) = R PE(p): one 2×2 rotation a pair (§3.5)."""
    angles = wavelength_angles(torch.tensor([float(k)]), d_model)[0]
    blocks = [
        torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) for a in angles.tolist()
    ]
    turned: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return turned[:d_model, :d_model]
