"""Cross-entropy with label smoothing (Szegedy et al. 2016; Vaswani et al. 2017 §5.4), in nats per token.

target  t = (1 − ε) · one-hot(y) + ε / V          loss = −Σ_v t_v log p_v          ∂loss/∂logits = p − t
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 512


class SmoothedCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one walk over chunks of rows: (rows × vocab) numbers never leave the cache."""

    @staticmethod
    def forward(ctx, states: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        vocab_size = weight.shape[0]
        d_states, d_weight = torch.empty_like(states), torch.zeros_like(weight)
        total = 0.0
        for start in range(0, len(states), CHUNK):
            rows, wanted = states[start : start + CHUNK], targets[start : start + CHUNK, None]
            logits = rows @ weight.mT
            right, average = logits.gather(1, wanted), logits.mean(1, keepdim=True)
            highest = logits.amax(1, keepdim=True)
            exps = logits.sub_(highest).exp_()
            sums = exps.sum(1, keepdim=True)
            total += ((sums.log() + highest) - (1 - smoothing) * right - smoothing * average).sum().item()
            d_logits = exps.div_(sums).sub_(smoothing / vocab_size)
            d_logits.scatter_add_(1, wanted, torch.full_like(right, smoothing - 1))
            torch.mm(d_logits, weight, out=d_states[start : start + CHUNK])
            d_weight.addmm_(d_logits.mT, rows)
        ctx.save_for_backward(d_states, d_weight)
        return states.new_tensor(total / len(states))

    @staticmethod
    @once_differentiable
    def backward(ctx, d_loss: Tensor):
        d_states, d_weight = ctx.saved_tensors
        scale = d_loss / len(d_states)
        return d_states * scale, d_weight * scale, None, None


def smoothed_cross_entropy(states: Tensor, weight: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Mean loss of states (rows, d_model) unembedded by weight (vocab, d_model), against targets (rows,)."""
    return SmoothedCrossEntropy.apply(states, weight, targets, smoothing)


def perplexity(nats: float) -> float:
    """e^loss: among how many equally likely tokens the model is in doubt."""
    return math.exp(min(nats, 50.0))
