"""Encoder and decoder step in few, large operations: for decoding, where only the next token counts.

The same sums as `Transformer.encode` and `Transformer.decode`, without names and partly in another order:

    one sentence, one new token a row: every query may see all keys, nothing is masked
    W_q, W_k and W_v of the decoder's self-attention in one product
    attention to the source, which stays the same:  out = softmax(x A + a) B + b_o,  all heads side by side,
        A = W_q Kᵀ / √d_head,  a = b_q Kᵀ / √d_head,  B = V W_o                     computed once a sentence

What is shown never comes from here but from the named pass; tests hold the two equal.

src, last   (token,) (row,)                  a sentence; the last token of each row
resid, x    (token | row, d_model)           the stream; what a sublayer reads
memory      (key, d_model)                   the encoder's output
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from model.attention import Attention, Cache
from model.layers import LayerNorm
from model.positions import PositionalEncoding
from model.transformer import Transformer

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Now:
    """Positions of the queries (query,) and keys (key,), and the bias between them, if any."""

    at: Tensor
    k_at: Tensor
    bias: Tensor | None


Sublayer = Callable[[Tensor, Now], Tensor]
"""(x, now) → out, both (token | row, d_model)."""


def positions(encoding: PositionalEncoding, at: Tensor, k_at: Tensor, dtype: torch.dtype) -> Now:
    bias = encoding.bias(at, k_at)
    return Now(at, k_at, None if bias is None else bias.to(dtype))


def affine(weight: Tensor, bias: Tensor | None) -> Map:
    return lambda x: linear(x, weight, bias)


def through(W: nn.Linear) -> Map:
    return affine(W.weight, W.bias)


def side_by_side(*linears: nn.Linear) -> Map:
    """One linear map to the outputs of several, one behind the other."""
    return affine(torch.cat([W.weight for W in linears]), torch.cat([W.bias for W in linears]))


def normaliser(norm: LayerNorm) -> Map:
    shape, gamma, beta, eps = norm.gamma.shape, norm.gamma, norm.beta, norm.eps
    return lambda x: torch.layer_norm(x, shape, gamma, beta, eps)


def source_self_attention(attn: Attention) -> Sublayer:
    """Attention of each source token to all."""
    maps, heads = [through(W) for W in (attn.W_q, attn.W_k, attn.W_v)], (attn.n_heads, attn.d_head)
    W_o = through(attn.W_o)

    def attend(x: Tensor, now: Now) -> Tensor:
        q, k, v = (torch.unflatten(W(x), -1, heads).transpose(0, 1)[None] for W in maps)
        q_rot, k_rot = attn.encoding.rotate(q, k, now.at, now.k_at)
        z = scaled_dot_product_attention(q_rot, k_rot, v, attn_mask=now.bias)
        return W_o(z[0].transpose(0, 1).flatten(1))

    return attend


def self_attention(attn: Attention, cache: Cache) -> Sublayer:
    """Attention of each row's new token to the row so far."""
    W_qkv, W_o = side_by_side(attn.W_q, attn.W_k, attn.W_v), through(attn.W_o)
    by_head = -1, 3, attn.n_heads, 1, attn.d_head

    def attend(x: Tensor, now: Now) -> Tensor:
        q, new_k, new_v = W_qkv(x).view(by_head).unbind(1)
        k, v = cache.update(new_k, new_v)
        q_rot, k_rot = attn.encoding.rotate(q, k, now.at, now.k_at)
        return W_o(scaled_dot_product_attention(q_rot, k_rot, v, attn_mask=now.bias).flatten(1))

    return attend


def attention_to_source(attn: Attention, memory: Tensor) -> Sublayer:
    """Attention of each row's new token to the one source that all rows share."""
    heads = attn.n_heads, attn.d_head
    k, v = (torch.unflatten(W(memory), -1, heads).transpose(0, 1) for W in (attn.W_k, attn.W_v))
    k_scaled = k / math.sqrt(attn.d_head)
    A = k_scaled @ torch.unflatten(attn.W_q.weight, 0, heads)
    a = k_scaled @ torch.unflatten(attn.W_q.bias, 0, heads)[..., None]
    B = torch.unflatten(attn.W_o.weight, 1, heads).transpose(0, 1) @ v.mT
    scaled, mix = affine(A.flatten(0, 1), a.flatten()), affine(B.transpose(0, 1).flatten(1), attn.W_o.bias)
    by_head = -1, *k.shape[:2]

    def attend(x: Tensor, _now: Now) -> Tensor:
        weights = scaled(x).view(by_head).softmax(-1)
        return mix(weights.flatten(1))

    return attend


def feed_forward(W_1: nn.Linear, W_2: nn.Linear) -> Sublayer:
    first, second = through(W_1), through(W_2)
    return lambda x, _now: second(first(x).relu())


class Stack:
    """Sublayers, each with its residual connection and its norm, and the final norm (pre-norm only)."""

    def __init__(self, final: LayerNorm | None) -> None:
        self.sublayers: list[tuple[Sublayer, Map]] = []
        self.final = None if final is None else normaliser(final)

    def add(self, sublayer: Sublayer, norm: LayerNorm) -> None:
        self.sublayers.append((sublayer, normaliser(norm)))

    def __call__(self, resid: Tensor, now: Now) -> Tensor:
        if self.final is None:
            for sublayer, norm in self.sublayers:
                resid = norm(resid + sublayer(resid, now))
            return resid
        for sublayer, norm in self.sublayers:
            resid = resid + sublayer(norm(resid), now)
        return self.final(resid)


def embedded(model: Transformer, ids: Tensor, pos: Tensor | None) -> Tensor:
    embed = model.embedding.weight[ids] * math.sqrt(model.config.d_model)
    return embed if pos is None else embed + pos


def encode(model: Transformer, src: Tensor) -> Tensor:
    """memory (key, d_model) of one sentence, src (key,)."""
    stack = Stack(model.encoder_norm)
    for layer in model.encoder:
        stack.add(source_self_attention(layer.self_attn), layer.self_attn_add.norm)
        stack.add(feed_forward(layer.ffn.W_1, layer.ffn.W_2), layer.ffn_add.norm)
    at = torch.arange(len(src), device=src.device)
    resid = embedded(model, src, model.encoding.vectors(at))
    return stack(resid, positions(model.encoding, at, at, resid.dtype))


def fits(model: Transformer) -> bool:
    """Whether the model has a fused form: attention variants and dropout have none."""
    kinds = {type(layer.self_attn) for layer in (*model.encoder, *model.decoder)}
    kinds |= {type(layer.cross_attn) for layer in model.decoder}
    return not model.training and kinds == {Attention}


class FusedDecoder:
    """The incremental decoder over one sentence, src (key,), for up to max_tgt_len steps.

    Its `state` may select rows between steps.
    """

    def __init__(self, model: Transformer, src: Tensor) -> None:
        memory = encode(model, src)
        self.model = model
        self.state = model.start(memory[None], torch.ones_like(src, dtype=torch.bool)[None])
        self.stack = Stack(model.decoder_norm)
        for layer, (own, _) in zip(model.decoder, self.state.caches, strict=True):
            self.stack.add(self_attention(layer.self_attn, own), layer.self_attn_add.norm)
            self.stack.add(attention_to_source(layer.cross_attn, memory), layer.cross_attn_add.norm)
            self.stack.add(feed_forward(layer.ffn.W_1, layer.ffn.W_2), layer.ffn_add.norm)
        self.at = torch.arange(model.config.max_tgt_len, device=src.device)
        self.pos = model.encoding.vectors(self.at)
        self.unembedding = model.embedding.weight.mT.contiguous()
        """Eᵀ (d_model, vocab), row by row in memory: a product with one state reads it in half the time."""

    def step(self, last: Tensor) -> Tensor:
        """Logits (row, vocab) of the next token, from the last tokens (row,); the state moves on by one."""
        t = self.state.length
        resid = embedded(self.model, last, None if self.pos is None else self.pos[t])
        states = self.stack(
            resid, positions(self.model.encoding, self.at[t : t + 1], self.at[: t + 1], resid.dtype)
        )
        self.state.length += 1
        return states @ self.unembedding
