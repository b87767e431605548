"""Teacher forcing: the log-probabilities of a given target, by one masked pass and step by step.

    log p(step t) = log_softmax(logits[t])        where row t reads the target's tokens before t
    loss[t] = −log p(target[t])                   Σ loss = −log P(target), in nats

The causal mask hides from row t all that comes after it; so one pass over the whole target gives every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model.decoding import Incremental
from model.transformer import Transformer


@torch.inference_mode()
def one_pass(model: Transformer, src_ids: Sequence[int], reads: Sequence[int]) -> Tensor:
    """log p (step, vocab) after each of the tokens `reads`, all at once, under the causal mask."""
    src, tgt = torch.tensor([list(src_ids)]), torch.tensor([list(reads)])
    logits: Tensor = model(src, tgt, torch.ones_like(src, dtype=torch.bool))
    return logits[0].log_softmax(-1)


@torch.inference_mode()
def step_by_step(model: Transformer, src_ids: Sequence[int], reads: Sequence[int]) -> Tensor:
    """The same, one token a pass, by the incremental decoder and its cache."""
    decoder = Incremental(model, list(src_ids))
    return torch.cat([decoder.log_probs([token]) for token in reads])
