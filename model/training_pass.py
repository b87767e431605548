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
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from model.attention import Attention
from model.layers import AddNorm, FeedForward, LayerNorm
from model.positions import PositionalEncoding
from model.transformer import Transformer


def fits(model: Transformer) -> bool:
    """Whether this pass can stand for the model's own: attention variants have none."""
    sites = [layer.self_attn for layer in (*model.encoder, *model.decoder)]
    sites += [layer.cross_attn for layer in model.decoder]
    return all(type(site) is Attention for site in sites)


def best_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where this machine multiplies it in hardware, else float32."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


@dataclass(frozen=True)
class Positions:
    """Where queries (query,) and keys (key,) stand, and what may be seen: all, the past, or a mask."""

    encoding: PositionalEncoding
    at: Tensor
    k_at: Tensor
    keep: Tensor | None = None
    causal: bool = False

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """What is added to the scaled scores: the position bias, and −inf where a key may not be seen."""
        mask = self.encoding.bias(self.at, self.k_at)
        if self.causal:
            future = torch.zeros(len(self.at), len(self.k_at), device=self.at.device)
            future = future.masked_fill(self.k_at[None, :] > self.at[:, None], -torch.inf)
            mask = future if mask is None else mask + future
        if self.keep is not None:
            padding = torch.zeros(self.keep.shape, device=self.at.device).masked_fill(~self.keep, -torch.inf)
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

    def attend(self, attn: Attention, q: Tensor, k: Tensor, v: Tensor, where: Positions) -> Tensor:
        """out of one attention, from q, k and v (batch, token, d_model)."""
        heads = attn.n_heads, attn.d_head
        q, k, v = (torch.unflatten(x, -1, heads).transpose(1, 2) for x in (q, k, v))
        if where.encoding.rotates:
            q, k = (x.to(v) for x in where.encoding.rotate(q, k, where.at, where.k_at))
        scaled, mask = (q / math.sqrt(attn.d_head)) @ k.mT, where.mask(self.dtype)
        weights = (scaled if mask is None else scaled + mask).softmax(-1)
        z = weights @ v
        return self.through(z.transpose(1, 2).flatten(-2), attn.W_o)

    def attend_self(self, attn: Attention, x: Tensor, where: Positions) -> Tensor:
        q, k, v = self.through(x, attn.W_q, attn.W_k, attn.W_v).chunk(3, -1)
        return self.attend(attn, q, k, v, where)

    def attend_source(self, attn: Attention, x: Tensor, memory: Tensor, where: Positions) -> Tensor:
        k, v = self.through(memory, attn.W_k, attn.W_v).chunk(2, -1)
        return self.attend(attn, self.through(x, attn.W_q), k, v, where)

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

    def encode(self, src: Tensor, keep: Tensor | None) -> Tensor:
        """memory (batch, key, d_model) in `dtype`."""
        at = torch.arange(src.shape[1], device=src.device)
        resid, where = self.embed(src, at), Positions(self.model.encoding, at, at, keep)
        for layer in self.model.encoder:
            x = self.read(layer.self_attn_add, resid)
            resid = self.add(layer.self_attn_add, resid, self.attend_self(layer.self_attn, x, where))
            resid = self.add(
                layer.ffn_add, resid, self.feed_forward(layer.ffn, self.read(layer.ffn_add, resid))
            )
        return self.norm(self.model.encoder_norm, resid).to(self.dtype)

    def decode(self, tgt: Tensor, memory: Tensor, keep: Tensor | None) -> Tensor:
        """states (batch, query, d_model). Padding lies behind every real token: no past contains any."""
        at, memory_at = (torch.arange(n, device=tgt.device) for n in (tgt.shape[1], memory.shape[1]))
        resid, own = self.embed(tgt, at), Positions(self.model.encoding, at, at, causal=True)
        source = Positions(PositionalEncoding(self.model.config), at, memory_at, keep)
        for layer in self.model.decoder:
            x = self.read(layer.self_attn_add, resid)
            resid = self.add(layer.self_attn_add, resid, self.attend_self(layer.self_attn, x, own))
            x = self.read(layer.cross_attn_add, resid)
            resid = self.add(
                layer.cross_attn_add, resid, self.attend_source(layer.cross_attn, x, memory, source)
            )
            resid = self.add(
                layer.ffn_add, resid, self.feed_forward(layer.ffn, self.read(layer.ffn_add, resid))
            )
        return self.norm(self.model.decoder_norm, resid)

    def states(self, src: Tensor, tgt: Tensor) -> Tensor:
        """states (batch, query, d_model), one a target token."""
        real = src != self.model.config.pad_id
        keep = None if bool(real.all()) else real[:, None, None, :]
        return self.decode(tgt, self.encode(src, keep), keep)
