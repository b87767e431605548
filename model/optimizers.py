"""How weights are moved: Muon for the matrices of the layers, AdamW for everything else, one rate for both.

Muon (Jordan et al. 2024) replaces the averaged gradient of a matrix by the nearest orthogonal one, so that
all its directions learn alike; scaled to the size of AdamW's steps (Liu et al. 2025). Embeddings, norms
and biases, which are no maps between vectors, go by AdamW (Loshchilov & Hutter 2019; β as in Vaswani et
al. 2017 §5.3). Rate: linear warm-up, a plateau, a straight line down to 0 over the last `decay` of the run
(Hägele et al. 2024): a run can be made longer while it is on the plateau.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from model.layers import FeedForward

OPTIMIZERS = ("muon", "adamw")
MUON_FASTER = 3.0
"""Muon's rate, as a multiple of AdamW's: orthogonal steps bear longer ones."""


WAKING = 4.0
"""How far `wake` raises a bias, as a multiple of AdamW's step."""


def rate_at(step: int, n_steps: int, rate: float, warmup: int, decay: float) -> float:
    """Learning rate of `step` (from 0) of `n_steps`."""
    left = (n_steps - step) / max(1.0, decay * n_steps)
    return rate * min((step + 1) / max(1, warmup), 1.0, max(0.0, left))


@torch.no_grad()
def wake(model: nn.Module, rate: float) -> None:
    """Raise the bias of every hidden unit that was 0 throughout the batch.

    ReLU passes such a unit no gradient: at a high rate, units that once fell silent stay so, and a third of
    an encoder's feed-forward is lost. A little for each silent batch keeps rare units, and brings lost ones
    back. Call it between backward and step, while gradients tell who was silent.
    """
    for module in model.modules():
        if isinstance(module, FeedForward) and module.W_1.bias.grad is not None:
            module.W_1.bias.add_(module.W_1.bias.grad == 0, alpha=WAKING * rate)


class Optimizers:
    """One step of all weights of a model."""

    def __init__(self, model: nn.Module, kind: str, weight_decay: float) -> None:
        if kind not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {kind!r}.")
        by_muon = (
            {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)} if kind == "muon" else ()
        )
        matrices = [p for p in model.parameters() if id(p) in by_muon]
        others = [p for p in model.parameters() if id(p) not in by_muon]
        shrink = 0.0 if matrices else weight_decay
        adamw = torch.optim.AdamW(
            others, lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=shrink, fused=True
        )
        self.all: list[torch.optim.Optimizer] = [adamw]
        if matrices:
            muon = torch.optim.Muon(
                matrices, lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
            self.all.append(muon)

    def step(self, rate: float) -> None:
        """Move the weights along their gradients, at this rate, and forget the gradients."""
        for optimizer in self.all:
            faster = MUON_FASTER if isinstance(optimizer, torch.optim.Muon) else 1.0
            for group in optimizer.param_groups:
                group["lr"] = rate * faster
            optimizer.step()
            optimizer.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self.all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self.all, states, strict=True):
            optimizer.load_state_dict(state)
