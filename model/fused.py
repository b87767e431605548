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

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from model.attention import Attention, Cache
from model.layers import AddNorm, FeedForward, LayerNorm
from model.positions import Where
from model.transformer import Transformer

Map = Callable[[Tensor], Tensor]


Fused = Callable[[Tensor, Where], Tensor]
"""A sublayer: (x, where) → out, both (token | row, d_model)."""


def attend(q: Tensor, k: Tensor, v: Tensor, where: Where) -> Tensor:
    """z, of queries that may all see all keys."""
    q_rot, k_rot = where.rotate(q, k)
    bias = None if where.bias is None else where.bias.to(q.dtype)
    return scaled_dot_product_attention(q_rot, k_rot, v, attn_mask=bias)


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


def source_self_attention(attn: Attention) -> Fused:
    """Attention of each source token to all."""
    maps, heads = [through(W) for W in (attn.W_q, attn.W_k, attn.W_v)], (attn.n_heads, attn.d_head)
    W_o = through(attn.W_o)

    def run(x: Tensor, where: Where) -> Tensor:
        q, k, v = (torch.unflatten(W(x), -1, heads).transpose(0, 1)[None] for W in maps)
        return W_o(attend(q, k, v, where)[0].transpose(0, 1).flatten(1))

    return run


def self_attention(attn: Attention, cache: Cache) -> Fused:
    """Attention of each row's new token to the row so far."""
    W_qkv, W_o = side_by_side(attn.W_q, attn.W_k, attn.W_v), through(attn.W_o)
    by_head = -1, 3, attn.n_heads, 1, attn.d_head

    def run(x: Tensor, where: Where) -> Tensor:
        q, new_k, new_v = W_qkv(x).view(by_head).unbind(1)
        return W_o(attend(q, *cache.update(new_k, new_v), where).flatten(1))

    return run


def attention_to_source(attn: Attention, memory: Tensor) -> Fused:
    """Attention of each row's new token to the one source that all rows share."""
    heads = attn.n_heads, attn.d_head
    k, v = (torch.unflatten(W(memory), -1, heads).transpose(0, 1) for W in (attn.W_k, attn.W_v))
    k_scaled = k / math.sqrt(attn.d_head)
    A = k_scaled @ torch.unflatten(attn.W_q.weight, 0, heads)
    a = k_scaled @ torch.unflatten(attn.W_q.bias, 0, heads)[..., None]
    B = torch.unflatten(attn.W_o.weight, 1, heads).transpose(0, 1) @ v.mT
    scaled, mix = affine(A.flatten(0, 1), a.flatten()), affine(B.transpose(0, 1).flatten(1), attn.W_o.bias)
    by_head = -1, *k.shape[:2]

    def run(x: Tensor, _where: Where) -> Tensor:
        weights = scaled(x).view(by_head).softmax(-1)
        return mix(weights.flatten(1))

    return run


def feed_forward(ffn: FeedForward) -> Fused:
    first, second = through(ffn.W_1), through(ffn.W_2)
    return lambda x, _where: second(first(x).relu())


class FusedStack:
    """Sublayers, each with its residual connection and its norm, and the final norm (pre-norm only)."""

    def __init__(self, final: LayerNorm | None) -> None:
        self.sublayers: list[tuple[Fused, Map]] = []
        self.final = None if final is None else normaliser(final)

    def add(self, sublayer: Fused, add: AddNorm) -> None:
        self.sublayers.append((sublayer, normaliser(add.norm)))

    def __call__(self, resid: Tensor, where: Where) -> Tensor:
        if self.final is None:
            for sublayer, norm in self.sublayers:
                resid = norm(resid + sublayer(resid, where))
            return resid
        for sublayer, norm in self.sublayers:
            resid = resid + sublayer(norm(resid), where)
        return self.final(resid)


def embedded(model: Transformer, ids: Tensor, pos: Tensor | None) -> Tensor:
    embed = model.embedding.weight[ids] * math.sqrt(model.config.d_model)
    return embed if pos is None else embed + pos


def encode(model: Transformer, src: Tensor) -> Tensor:
    """memory (key, d_model) of one sentence, src (key,)."""
    source, _ = model.anatomy.stacks
    stack = FusedStack(model.norm_behind(source))
    for layer in model.layers(source.name):
        for _, sublayer, add in layer.sublayers():
            if isinstance(sublayer, FeedForward):
                stack.add(feed_forward(sublayer), add)
            else:
                stack.add(source_self_attention(sublayer), add)
    at = torch.arange(len(src), device=src.device)
    return stack(embedded(model, src, model.encoding.vectors(at)), Where(at, at, model.encoding))


def fits(model: Transformer) -> bool:
    """Whether the model has a fused form: attention variants and dropout have none."""
    kinds = {type(module) for _, _, module in model.modules_of("attention")}
    return not model.training and kinds == {Attention}


class FusedDecoder:
    """The incremental decoder over one sentence, src (key,), for as many steps as the target may have.

    Its `state` may select rows between steps.
    """

    def __init__(self, model: Transformer, src: Tensor) -> None:
        memory = encode(model, src)
        _, target = model.anatomy.stacks
        self.model = model
        self.state = model.start(memory[None], torch.ones_like(src, dtype=torch.bool)[None])
        self.stack = FusedStack(model.norm_behind(target))
        for layer, caches in zip(model.layers(target.name), self.state.caches, strict=True):
            for block, sublayer, add in layer.sublayers():
                if isinstance(sublayer, FeedForward):
                    self.stack.add(feed_forward(sublayer), add)
                elif block.memory:
                    self.stack.add(attention_to_source(sublayer, memory), add)
                else:
                    self.stack.add(self_attention(sublayer, caches[block.part]), add)
        self.at = torch.arange(model.anatomy.predicting.limit, device=src.device)
        self.pos = model.encoding.vectors(self.at)
        self.unembedding = model.embedding.weight.mT.contiguous()
        """Eᵀ (d_model, vocab), row by row in memory: a product with one state reads it in half the time."""

    def step(self, last: Tensor) -> Tensor:
        """Logits (row, vocab) of the next token, from the last tokens (row,); the state moves on by one."""
        t = self.state.length
        resid = embedded(self.model, last, None if self.pos is None else self.pos[t])
        states = self.stack(resid, Where(self.at[t : t + 1], self.at[: t + 1], self.model.encoding))
        self.state.length += 1
        return states @ self.unembedding
