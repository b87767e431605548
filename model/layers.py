"""The blocks around attention: dropout, LayerNorm, feed-forward, and layers of any sublayers (§3.1 and §3.3).

Post-norm (the paper):  resid_after = LayerNorm(resid_in + sublayer(resid_in))
Pre-norm:               resid_after = resid_in + sublayer(LayerNorm(resid_in)), one final norm per stack

    norm_in, norm_out  (batch, query, d_model)      mean, std  (batch, query, one)
    ffn_pre, ffn_hidden (batch, query, d_ff)        before and after ReLU
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.anatomy import Block
from model.attention import Attention, Cache, make_attention
from model.config import Config
from model.positions import Where
from model.trace import SILENT, Recorder


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

    output = "ffn_out"
    """The entry that it hands on."""

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


@dataclass(frozen=True, eq=False)
class Sight:
    """What an attention may see of a side: `keep` broadcasts to (batch, head, query, key).

    `memory` (batch, key, d_model) is what keys and values are made from, where it is not the own stream.
    """

    keep: Tensor
    where: Where
    memory: Tensor | None = None


Sublayer = Attention | FeedForward
MAKERS: Mapping[str, Callable[[Config], Sublayer]] = {"attention": make_attention, "ffn": FeedForward}
"""What makes each kind of sublayer."""


class Layer(nn.Module):
    """Sublayers, one behind the other, each inside its residual connection, as the anatomy lists them."""

    def __init__(self, config: Config, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        # What every layer has comes first: the order in which weights are drawn from a seed, and numbered in
        # the optimizers' part of a training state.
        for block in sorted(self.blocks, key=lambda block: block.memory is not None):
            self.add_module(block.part, MAKERS[block.kind](config))
            self.add_module(f"{block.part}_add", AddNorm(config, block.part))

    def sublayer(self, block: Block) -> tuple[Sublayer, AddNorm]:
        """The module of a block, and the residual connection around it."""
        return getattr(self, block.part), getattr(self, f"{block.part}_add")

    def sublayers(self) -> Iterator[tuple[Block, Sublayer, AddNorm]]:
        """Each block with its module and its residual connection, in order of computation."""
        for block in self.blocks:
            yield block, *self.sublayer(block)

    def through(
        self,
        block: Block,
        resid: Tensor,
        sights: Mapping[str, Sight],
        rec: Recorder = SILENT,
        cache: Cache | None = None,
        rows: slice = slice(None),
    ) -> Tensor:
        """The stream behind one sublayer, of `rows` alone: they ask, and all rows answer.

        `sights` are by the side that is looked at.
        """
        sublayer, add = self.sublayer(block)
        enters, leaves = (name.rpartition(".")[-1] for name in (block.enters, block.leaves))
        x, x_name = add.before(resid, enters, rec)
        if isinstance(sublayer, Attention):
            side = block.keys or block.queries
            sight = sights[side]
            x_kv, kv_name = (x, x_name) if sight.memory is None else (sight.memory, block.memory or x_name)
            with rec.at(block.part, query=block.queries, key=side, x_q=x_name, x_kv=kv_name):
                out = sublayer(x[:, rows], x_kv, sight.keep, sight.where, rec, cache)
        else:
            with rec.at(block.part, x=x_name):
                out = sublayer(x[:, rows], rec)
        names = enters, f"{block.part}.{sublayer.output}"
        after = add.after(resid[:, rows], out, names, rec)
        return rec(leaves, after, "batch query d_model", of=add.parents(*names))

    def forward(
        self,
        resid: Tensor,
        sights: Mapping[str, Sight],
        rec: Recorder = SILENT,
        caches: Mapping[str, Cache] | None = None,
    ) -> Tensor:
        """resid_out (batch, query, d_model) from resid_in; `caches` are by the part that they belong to."""
        for block in self.blocks:
            resid = self.through(block, resid, sights, rec, (caches or {}).get(block.part))
        return resid
