"""Multi-head attention, Vaswani et al. 2017 eq. 1 and §3.2, one name for each intermediate.

Attention(Q, K, V) = softmax(Q Kᵀ / √d_head) V          MultiHead = Concat(z_1 … z_H) W_O

x_q, x_kv   (batch, query | key, d_model)       what asks, what answers (the same in self-attention)
q, k, v     (batch, head, query | key, d_head)
scores      (batch, head, query, key)           q kᵀ, raw
scaled      same                                scores / √d_head
masked      same                                −inf where not `keep` (keep: Boolean, True = may attend)
weights     same                                softmax over keys: each row sums to 1
z           (batch, head, query, d_head)        weights @ v
out         (batch, query, d_model)             heads side by side, through W_O
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from model.config import Config
from model.positions import Where
from model.trace import SILENT, Recorder

ATTENTIONS: dict[str, type[Attention]] = {}


Kind = TypeVar("Kind", bound="Attention")


def register(name: str) -> Callable[[type[Kind]], type[Kind]]:
    """Class decorator: list the attention under `name`, the word that config.attention uses."""

    def add(cls: type[Kind]) -> type[Kind]:
        ATTENTIONS[name] = cls
        return cls

    return add


def softmax_over_keys(masked: Tensor) -> Tensor:
    """Softmax along the last axis. A query that may see no key gets weights 0, not NaN and not uniform."""
    dead = masked.isneginf().all(-1, keepdim=True)
    return masked.masked_fill(dead, 0).softmax(-1).masked_fill(dead, 0)


class Cache:
    """Keys and values (batch, head, key, d_head) of one attention site, kept between steps of the decoder.

    Self-attention's cache grows by the new tokens; cross-attention's is filled once, from the memory.
    """

    def __init__(self, grows: bool) -> None:
        self.grows = grows
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def update(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add new keys and values behind the old ones; returns all of them."""
        self.k = k if self.k is None else torch.cat([self.k, k], dim=-2)
        self.v = v if self.v is None else torch.cat([self.v, v], dim=-2)
        return self.k, self.v

    @property
    def complete(self) -> tuple[Tensor, Tensor] | None:
        """All of them, once nothing needs computing any more: cross-attention's after its first step."""
        return None if self.grows or self.k is None or self.v is None else (self.k, self.v)

    def select(self, rows: Tensor) -> None:
        """Keep the given batch rows, in that order (a beam's survivors)."""
        if self.k is not None and self.v is not None:
            self.k, self.v = self.k.index_select(0, rows), self.v.index_select(0, rows)


@register("softmax")
class Attention(nn.Module):
    """Scaled dot-product attention, several heads. A variant overrides project, score, normalise or mix."""

    output = "out"
    """The entry that it hands on."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.n_heads, self.d_head = config.n_heads, config.d_head
        self.W_q = nn.Linear(config.d_model, config.d_model)
        self.W_k = nn.Linear(config.d_model, config.d_model)
        self.W_v = nn.Linear(config.d_model, config.d_model)
        self.W_o = nn.Linear(config.d_model, config.d_model)

    def project(self, x: Tensor, W: nn.Linear) -> Tensor:
        """x (batch, token, d_model) through W_q, W_k or W_v, split into (batch, head, token, d_head)."""
        projected: Tensor = W(x)
        return torch.unflatten(projected, -1, (self.n_heads, self.d_head)).transpose(1, 2)

    def keys_values(self, x_kv: Tensor, cache: Cache | None) -> tuple[Tensor, Tensor]:
        """All keys and values: of x_kv, behind those that the cache holds."""
        if cache is not None and (complete := cache.complete) is not None:
            return complete
        k, v = self.project(x_kv, self.W_k), self.project(x_kv, self.W_v)
        return (k, v) if cache is None else cache.update(k, v)

    def rotate(self, q: Tensor, k: Tensor, where: Where, rec: Recorder) -> tuple[Tensor, Tensor]:
        if not where.rotates:
            return q, k
        q_turned, k_turned = where.rotate(q, k)
        q_rot = rec("q_rot", q_turned, "batch head query d_head", of=("q",))
        k_rot = rec("k_rot", k_turned, "batch head key d_head", of=("k",))
        return q_rot, k_rot

    def score(self, q: Tensor, k: Tensor, where: Where, rec: Recorder) -> tuple[Tensor, str]:
        """What goes into the mask, and its name: scaled scores, with the position bias where there is one."""
        sources = ("q_rot", "k_rot") if where.rotates else ("q", "k")
        scores = rec("scores", q @ k.mT, "batch head query key", of=sources)
        scaled = rec("scaled", scores / math.sqrt(self.d_head), "batch head query key", of=("scores",))
        if where.bias is None:
            return scaled, "scaled"
        position_bias = rec("position_bias", where.bias.to(scaled)[None], "batch head query key")
        biased = rec("biased", scaled + position_bias, "batch head query key", of=("scaled", "position_bias"))
        return biased, "biased"

    def normalise(self, masked: Tensor) -> Tensor:
        """Masked scores → weights."""
        return softmax_over_keys(masked)

    def mix(self, weights: Tensor, v: Tensor) -> Tensor:
        """Values, weighted and summed over keys."""
        return weights @ v

    def forward(
        self,
        x_q: Tensor,
        x_kv: Tensor,
        keep: Tensor,
        where: Where,
        rec: Recorder = SILENT,
        cache: Cache | None = None,
    ) -> Tensor:
        """out (batch, query, d_model). `keep` broadcasts to (batch, head, query, key). With a `cache`, x_kv
        holds the new tokens only, `where` and `keep` all keys.
        """
        q = rec("q", self.project(x_q, self.W_q), "batch head query d_head", of=("x_q",))
        k, v = self.keys_values(x_kv, cache)
        k = rec("k", k, "batch head key d_head", of=("x_kv",))
        v = rec("v", v, "batch head key d_head", of=("x_kv",))
        q_rot, k_rot = self.rotate(q, k, where, rec)
        before_mask, name = self.score(q_rot, k_rot, where, rec)
        masked = rec("masked", before_mask.masked_fill(~keep, -torch.inf), "batch head query key", of=(name,))
        weights = rec("weights", self.normalise(masked), "batch head query key", of=("masked",))
        z = rec("z", self.mix(weights, v), "batch head query d_head", of=("weights", "v"))
        return rec("out", self.W_o(z.transpose(1, 2).flatten(-2)), "batch query d_model", of=("z",))


def make_attention(config: Config) -> Attention:
    """The attention that the config names; an unknown name raises ValueError that lists the known ones."""
    if config.attention not in ATTENTIONS:
        known = ", ".join(sorted(ATTENTIONS))
        raise ValueError(f"config: attention must be one of {known}, not {config.attention[:20]!r}.")
    return ATTENTIONS[config.attention](config)
