"""The forward pass of training: the sums of `Transformer` in fewer operations, in bf16 where the CPU has it.

Without names; W_q, W_k and W_v as one product, LayerNorm as torch's own fused kernel. Products read inputs
of `dtype`, the stream and every sum over it stay float32. What is shown never comes from here but from the
named pass; tests hold the two equal.

src, tgt       (batch, token)              ids, padded behind
resid, x       (batch, token, d_model)     the stream (float32); what a sublayer reads (`dtype`)
q, k, v, z     (batch, head, token, d_head)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from model.anatomy import Stack
from model.attention import Attention
from model.layers import AddNorm, FeedForward, LayerNorm
from model.positions import Where
from model.transformer import Transformer


def fits(model: Transformer) -> bool:
    """Whether this pass can stand for the model's own: attention variants have none."""
    return all(type(module) is Attention for _, _, module in model.modules_of("attention"))


def best_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where this machine multiplies it in hardware, else float32."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


@dataclass(frozen=True)
class Seen:
    """What an attention may see of a side: all, the past, or a mask; `memory`: of another stack's output."""

    where: Where
    keep: Tensor | None = None
    causal: bool = False
    memory: Tensor | None = None

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """What is added to the scaled scores: the position bias, and −inf where a key may not be seen."""
        mask, q_at, k_at = self.where.bias, self.where.q_at, self.where.k_at
        if self.causal:
            future = torch.zeros(len(q_at), len(k_at), device=q_at.device)
            future = future.masked_fill(k_at[None, :] > q_at[:, None], -torch.inf)
            mask = future if mask is None else mask + future
        if self.keep is not None:
            padding = torch.zeros(self.keep.shape, device=q_at.device).masked_fill(~self.keep, -torch.inf)
            mask = padding if mask is None else mask + padding
        return None if mask is None else mask.to(dtype)


class TrainingPass:
    """States of one batch, from a model's parameters; products in `dtype`."""

    def __init__(self, model: Transformer, dtype: torch.dtype) -> None:
        self.model, self.dtype = model, dtype

    def through(self, x: Tensor, *linears: nn.Linear) -> Tensor:
        """x through several linear maps side by side: (batch, token, all their outputs)."""
        weights, biases = ([getattr(W, name) for W in linears] for name in ("weight", "bias"))
        weight, bias = (one[0] if len(one) == 1 else torch.cat(one) for one in (weights, biases))
        return linear(x, weight.to(self.dtype), bias.to(self.dtype))

    def queries_keys_values(self, attn: Attention, x: Tensor, memory: Tensor | None) -> Sequence[Tensor]:
        """q, k and v (batch, token, d_model), of x alone or of x and the memory."""
        if memory is None:
            return self.through(x, attn.W_q, attn.W_k, attn.W_v).chunk(3, -1)
        k, v = self.through(memory, attn.W_k, attn.W_v).chunk(2, -1)
        return self.through(x, attn.W_q), k, v

    def attend(self, attn: Attention, x: Tensor, seen: Seen) -> Tensor:
        """out of one attention."""
        heads = attn.n_heads, attn.d_head
        q, k, v = (
            torch.unflatten(x, -1, heads).transpose(1, 2)
            for x in self.queries_keys_values(attn, x, seen.memory)
        )
        if seen.where.rotates:
            q, k = (x.to(v) for x in seen.where.rotate(q, k))
        scaled, mask = (q / math.sqrt(attn.d_head)) @ k.mT, seen.mask(self.dtype)
        weights = (scaled if mask is None else scaled + mask).softmax(-1)
        z = weights @ v
        return self.through(z.transpose(1, 2).flatten(-2), attn.W_o)

    def feed_forward(self, ffn: FeedForward, x: Tensor) -> Tensor:
        return self.through(self.through(x, ffn.W_1).relu(), ffn.W_2)

    def norm(self, norm: LayerNorm | None, resid: Tensor) -> Tensor:
        return resid if norm is None else layer_norm(resid, norm.gamma.shape, norm.gamma, norm.beta, norm.eps)

    def read(self, add: AddNorm, resid: Tensor) -> Tensor:
        """What a sublayer reads."""
        return (resid if add.post else self.norm(add.norm, resid)).to(self.dtype)

    def add(self, add: AddNorm, resid: Tensor, out: Tensor) -> Tensor:
        """The stream after a sublayer."""
        added = resid + add.dropout(out)
        return self.norm(add.norm, added) if add.post else added

    def embed(self, ids: Tensor, at: Tensor) -> Tensor:
        model = self.model
        embed = model.embedding(ids) * math.sqrt(model.config.d_model)
        vectors = model.encoding.vectors(at)
        embedded: Tensor = model.dropout(embed if vectors is None else embed + vectors)
        return embedded

    def stack(self, stack: Stack, ids: Tensor, sights: Mapping[str, Seen]) -> Tensor:
        """What a stack hands on (batch, query, d_model); `sights` are by the side that is looked at."""
        resid = self.embed(ids, sights[stack.side].where.q_at)
        for layer in self.model.layers(stack.name):
            for block, sublayer, add in layer.sublayers():
                x = self.read(add, resid)
                if isinstance(sublayer, FeedForward):
                    out = self.feed_forward(sublayer, x)
                else:
                    out = self.attend(sublayer, x, sights[block.keys or block.queries])
                resid = self.add(add, resid, out)
        return self.norm(self.model.norm_behind(stack), resid)

    def states(self, src: Tensor, tgt: Tensor) -> Tensor:
        """states (batch, query, d_model), one a target token."""
        real = src != self.model.config.pad_id
        keep = None if bool(real.all()) else real[:, None, None, :]
        src_at, tgt_at = (torch.arange(ids.shape[1], device=ids.device) for ids in (src, tgt))
        source, target = self.model.anatomy.stacks
        own = Seen(Where(src_at, src_at, self.model.encoding), keep)
        memory = self.stack(source, src, {source.side: own}).to(self.dtype)
        # Padding lies behind every real token: no past contains any.
        past = Seen(Where(tgt_at, tgt_at, self.model.encoding), causal=True)
        seen = Seen(Where(tgt_at, src_at), keep, memory=memory)
        return self.stack(target, tgt, {target.side: past, source.side: seen})
