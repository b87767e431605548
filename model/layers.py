"""The blocks around attention: dropout, LayerNorm, feed-forward, encoder and decoder layer (§3.1 and §3.3).

Post-norm (the paper):  resid_after = LayerNorm(resid_in + sublayer(resid_in))
Pre-norm:               resid_after = resid_in + sublayer(LayerNorm(resid_in)), one final norm per stack

    norm_in, norm_out  (batch, query, d_model)      mean, std  (batch, query, one)
    ffn_pre, ffn_hidden (batch, query, d_ff)        before and after ReLU
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from model.attention import Cache, make_attention
from model.config import Config
from model.positions import PositionalEncoding
from model.trace import SILENT, Recorder

Kind = TypeVar("Kind", bound=nn.Module)


def listed(modules: Iterable[Kind]) -> Sequence[Kind]:
    """A ModuleList that says of which kind its modules are, as torch's own does not."""
    return cast(Sequence[Kind], nn.ModuleList(modules))


class Dropout(nn.Module):
    """Zeroes a value with probability p (in steps of 1/256) while training, scales the rest by 1/(1 − p).

    One random byte a value: on a CPU, torch's own draws cost more than the layer that they act on.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.threshold = min(255, round(p * 256))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.threshold == 0:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.threshold
        return x * (keep * (256 / (256 - self.threshold)))


class LayerNorm(nn.Module):
    """γ · (x − mean) / std + β over d_model, std = √(variance + ε) (Ba et al. 2016)."""

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, norm_in: Tensor, rec: Recorder = SILENT) -> Tensor:
        """norm_out; expects the entry norm_in in the recorder's scope."""
        mean = rec("mean", norm_in.mean(-1, keepdim=True), "batch query one", of=("norm_in",))
        centred = norm_in - mean
        variance = (centred * centred).mean(-1, keepdim=True)
        std = rec("std", (variance + self.eps).sqrt(), "batch query one", of=("norm_in", "mean"))
        norm_out = centred / std * self.gamma + self.beta
        return rec("norm_out", norm_out, "batch query d_model", of=("norm_in", "mean", "std"))


class FeedForward(nn.Module):
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2, the same for every position (§3.3)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.W_1 = nn.Linear(config.d_model, config.d_ff)
        self.W_2 = nn.Linear(config.d_ff, config.d_model)

    def forward(self, x: Tensor, rec: Recorder = SILENT) -> Tensor:
        ffn_pre = rec("ffn_pre", self.W_1(x), "batch query d_ff", of=("x",))
        ffn_hidden = rec("ffn_hidden", ffn_pre.relu(), "batch query d_ff", of=("ffn_pre",))
        return rec("ffn_out", self.W_2(ffn_hidden), "batch query d_model", of=("ffn_hidden",))


class AddNorm(nn.Module):
    """The residual connection around a sublayer; LayerNorm follows the sum (post) or precedes it (pre)."""

    def __init__(self, config: Config, name: str) -> None:
        super().__init__()
        self.norm, self.post, self.name = LayerNorm(config.d_model), config.norm == "post", name
        self.dropout = Dropout(config.dropout)

    def before(self, resid: Tensor, resid_name: str, rec: Recorder) -> tuple[Tensor, str]:
        """What the sublayer reads, and its name: the stream, or its norm where the norm comes first."""
        if self.post:
            return resid, resid_name
        with rec.at(f"{self.name}_norm"):
            norm_in = rec("norm_in", resid, "batch query d_model", of=(resid_name,))
            return self.norm(norm_in, rec), f"{self.name}_norm.norm_out"

    def after(self, resid: Tensor, sublayer_out: Tensor, names: tuple[str, str], rec: Recorder) -> Tensor:
        """The stream after the sublayer; `names` are those of the stream and of the sublayer's output."""
        added: Tensor = resid + self.dropout(sublayer_out)
        if not self.post:
            return added
        with rec.at(f"{self.name}_norm"):
            norm_out: Tensor = self.norm(rec("norm_in", added, "batch query d_model", of=names), rec)
            return norm_out

    def parents(self, resid_name: str, out_name: str) -> tuple[str, ...]:
        """Parents of the stream after the sublayer."""
        return (f"{self.name}_norm.norm_out",) if self.post else (resid_name, out_name)


class Layer(nn.Module):
    """What both kinds of layer have: self-attention and feed-forward, each inside its residual connection."""

    def __init__(self, config: Config, encoding: PositionalEncoding) -> None:
        super().__init__()
        self.self_attn = make_attention(config, encoding)
        self.self_attn_add = AddNorm(config, "self_attn")
        self.ffn = FeedForward(config)
        self.ffn_add = AddNorm(config, "ffn")

    def attend_self(
        self,
        resid: Tensor,
        keep: Tensor,
        q_at: Tensor,
        k_at: Tensor,
        side: str,
        rec: Recorder,
        cache: Cache | None = None,
    ) -> Tensor:
        """resid_after_self_attn; `side` says which tokens these are, "src" or "tgt"."""
        x, x_name = self.self_attn_add.before(resid, "resid_in", rec)
        with rec.at("self_attn", query=side, key=side, x_q=x_name, x_kv=x_name):
            out = self.self_attn(x, x, keep, q_at, k_at, rec, cache)
        names = "resid_in", "self_attn.out"
        after = self.self_attn_add.after(resid, out, names, rec)
        return rec(
            "resid_after_self_attn", after, "batch query d_model", of=self.self_attn_add.parents(*names)
        )

    def feed_forward(self, resid: Tensor, resid_name: str, rec: Recorder) -> Tensor:
        """resid_out, from the stream named `resid_name`."""
        x, x_name = self.ffn_add.before(resid, resid_name, rec)
        with rec.at("ffn", x=x_name):
            ffn_out = self.ffn(x, rec)
        names = resid_name, "ffn.ffn_out"
        after = self.ffn_add.after(resid, ffn_out, names, rec)
        return rec("resid_out", after, "batch query d_model", of=self.ffn_add.parents(*names))


class EncoderLayer(Layer):
    """Self-attention, then feed-forward."""

    def forward(self, resid: Tensor, keep: Tensor, at: Tensor, rec: Recorder = SILENT) -> Tensor:
        """resid_out (batch, query, d_model) from resid_in; `keep` (batch, 1, 1, key), `at` (query,)."""
        after_self_attn = self.attend_self(resid, keep, at, at, "src", rec)
        return self.feed_forward(after_self_attn, "resid_after_self_attn", rec)


class DecoderLayer(Layer):
    """Masked self-attention, cross-attention to the encoder's output, then feed-forward."""

    def __init__(self, config: Config, encoding: PositionalEncoding) -> None:
        super().__init__(config, encoding)
        self.cross_attn = make_attention(config)
        self.cross_attn_add = AddNorm(config, "cross_attn")

    def attend_source(
        self,
        resid: Tensor,
        memory: Tensor,
        keep: Tensor,
        q_at: Tensor,
        k_at: Tensor,
        rec: Recorder,
        cache: Cache | None,
    ) -> Tensor:
        """resid_after_cross_attn: queries from the target's stream, keys and values from `memory`."""
        x, x_name = self.cross_attn_add.before(resid, "resid_after_self_attn", rec)
        with rec.at("cross_attn", query="tgt", key="src", x_q=x_name, x_kv="encoder.memory"):
            out = self.cross_attn(x, memory, keep, q_at, k_at, rec, cache)
        names = "resid_after_self_attn", "cross_attn.out"
        after = self.cross_attn_add.after(resid, out, names, rec)
        return rec(
            "resid_after_cross_attn", after, "batch query d_model", of=self.cross_attn_add.parents(*names)
        )

    def forward(
        self,
        resid: Tensor,
        memory: Tensor,
        keep: Tensor,
        memory_keep: Tensor,
        at: Tensor,
        k_at: Tensor,
        memory_at: Tensor,
        rec: Recorder = SILENT,
        caches: tuple[Cache, Cache] | None = None,
    ) -> Tensor:
        """resid_out (batch, query, d_model). `keep` broadcasts to (batch, 1, query, key) and `memory_keep` to
        (batch, 1, 1, source key); `at`, `k_at` and `memory_at` are the positions of queries, keys and source.
        """
        self_cache, cross_cache = caches or (None, None)
        after_self_attn = self.attend_self(resid, keep, at, k_at, "tgt", rec, self_cache)
        after_cross_attn = self.attend_source(
            after_self_attn, memory, memory_keep, at, memory_at, rec, cross_cache
        )
        return self.feed_forward(after_cross_attn, "resid_after_cross_attn", rec)
