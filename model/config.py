"""The choices that make one Transformer, in one frozen value.

Names and defaults follow table 3 of Vaswani et al. 2017, scaled down: d_model is the width of the stream,
d_head = d_model / n_heads the width of one head, d_ff the width of the feed-forward's hidden layer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from reprlib import repr as shortened
from typing import Any

from model.limits import Limit

SIZES = (
    Limit("vocab_size", 1, 1_000_000, whole=True),
    Limit("d_model", 1, 8_192, whole=True),
    Limit("n_heads", 1, 8_192, whole=True),
    Limit("d_ff", 1, 65_536, whole=True),
    Limit("n_layers", 1, 128, whole=True),
    Limit("max_src_len", 2, 4_096, whole=True),
    Limit("max_tgt_len", 1, 4_096, whole=True),
)
"""Sizes that a model may have; a source needs a token and the end token."""
NORMS = ("post", "pre")
KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "str": (str,), "float": (float, int)}
"""What a field of each declared type may hold."""


@dataclass(frozen=True)
class Config:
    """Sizes and choices of an encoder–decoder Transformer. Nonsense raises ValueError with one sentence."""

    vocab_size: int = 8000
    d_model: int = 128
    n_heads: int = 4
    d_ff: int = 256
    n_layers: int = 4
    max_src_len: int = 64
    max_tgt_len: int = 80
    positions: str = "sinusoidal"
    attention: str = "softmax"
    norm: str = "post"
    dropout: float = 0.0
    pad_id: int = 0
    bos_id: int = 1
    eos_id: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, KINDS[str(field.type)]) or isinstance(value, bool):
                raise ValueError(
                    f"config: {field.name} must be of type {field.type}, not {shortened(value)}."
                )
        for size in SIZES:
            size.but(name=f"config: {size.name}").check(getattr(self, size.name))
        if self.d_model % self.n_heads:
            raise ValueError(
                f"config: d_model {self.d_model} does not split into {self.n_heads} equal heads."
            )
        if self.norm not in NORMS:
            raise ValueError(f"config: norm must be one of {', '.join(NORMS)}, not {shortened(self.norm)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"config: dropout must lie in [0, 1), not {shortened(self.dropout)}.")
        special = (self.pad_id, self.bos_id, self.eos_id)
        if len(set(special)) < 3 or not all(0 <= i < self.vocab_size for i in special):
            given = shortened(special)
            raise ValueError(
                f"config: pad, start and end need three ids below {self.vocab_size}, not {given}."
            )

    @property
    def d_head(self) -> int:
        """Width of one head's query, key and value vectors."""
        return self.d_model // self.n_heads

    @property
    def max_len(self) -> int:
        """Positions that any encoding must offer: the longer of the two sides."""
        return max(self.max_src_len, self.max_tgt_len)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`; an unknown key raises ValueError that names it."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"config: unknown key {', '.join(map(shortened, unknown[:3]))}.")
        return cls(**values)
