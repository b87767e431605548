"""A variant of attention with a stage of its own."""

from __future__ import annotations

import torch

from model.attention import Attention


class Capped(Attention):
    """Scores that never leave ±5, as in Gemma 2."""

    def score(self, q, k, where, rec):
        scaled, name = super().score(q, k, where, rec)
        capped = rec("capped", 5 * torch.tanh(scaled / 5), "batch head query key", of=(name,))
        return capped, "capped"
