"""Cross-entropy with label smoothing (Szegedy et al. 2016; Vaswani et al. 2017 §5.4), in nats per token.

target  t = (1 − ε) · one-hot(y) + ε / V          loss = −Σ_v t_v log p_v          ∂loss/∂logits = p − t
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model.data import Batch, batches, on_device
from model.mixture import Ids
from model.tokenizer import Tokenizer
from model.transformer import Transformer

CHUNK = 256


class Kept(Protocol):
    """What torch hands on from a forward to its backward."""

    saved_tensors: tuple[Tensor, Tensor]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class SmoothedCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one walk over chunks of rows: (rows × vocab) numbers stay in the cache.

    Products are made in the type of `states`. Only p is as wide as the vocabulary: what t adds to loss and
    gradients is the right token's row and the mean of all rows.
    """

    @staticmethod
    def forward(ctx: Kept, states: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        low, rows = weight.to(states.dtype), states.to(weight.dtype)
        d_states, d_weight = torch.empty_like(states), torch.zeros_like(weight)
        log_p = rows.new_empty(len(states))
        for start in range(0, len(states), CHUNK):
            part = slice(start, start + CHUNK)
            logits = states[part] @ low.mT
            probs = logits.softmax(1)
            torch.mm(probs, low, out=d_states[part])
            d_weight += probs.mT @ states[part]
            log_p[part] = logits.logsumexp(1).neg_().to(log_p)
        right = (rows * weight[targets]).sum(1)
        average = rows @ weight.mean(0)
        loss = -log_p - (1 - smoothing) * right - smoothing * average
        d_rows = d_states.to(weight.dtype) - (1 - smoothing) * weight[targets] - smoothing * weight.mean(0)
        d_weight.index_add_(0, targets, rows, alpha=smoothing - 1)
        d_weight -= smoothing / len(weight) * rows.sum(0)
        ctx.save_for_backward(d_rows.to(states.dtype), d_weight)
        return loss.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Kept, d_loss: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_states, d_weight = ctx.saved_tensors
        scale = d_loss / len(d_states)
        return d_states * scale, d_weight * scale, None, None


def smoothed_cross_entropy(states: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Mean loss of states (rows, d_model) unembedded by weight (vocab, d_model), against targets (rows,)."""
    loss: Tensor = SmoothedCrossEntropy.apply(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        states, weight, targets, smoothing
    )
    return loss


def batch_loss(model: Transformer, batch: Batch, pad_id: int, smoothing: float) -> tuple[Tensor, int]:
    """Mean loss over the real target tokens, and how many there are."""
    src, tgt_in, tgt_out = batch
    src_keep, real = src != pad_id, tgt_out != pad_id
    states = model.decode(tgt_in, model.encode(src, src_keep), src_keep)
    loss = smoothed_cross_entropy(states[real], model.embedding.weight, tgt_out[real], smoothing)
    return loss, int(real.sum())


def mean_loss(model: Transformer, pairs: list[Ids], tokenizer: Tokenizer, smoothing: float = 0.0) -> float:
    """Nats per target token, in eval mode."""
    training = model.training
    model.eval()
    total, count = 0.0, 0
    device = model.embedding.weight.device
    with torch.inference_mode():
        for batch in batches(pairs, tokenizer, 4000):
            loss, n = batch_loss(model, on_device(batch, device), tokenizer.pad_id, smoothing)
            total, count = total + loss.item() * n, count + n
    model.train(training)
    return total / max(1, count)


def perplexity(nats: float) -> float:
    """e^loss: among how many equally likely tokens the model is in doubt."""
    return math.exp(min(nats, 50.0))
