"""Small models in which the end token comes up often, and what their full forward pass says of a prefix."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from model.beam import BeamSearch, BeamStep
from model.config import NORMS
from model.decoding import Edits, Step, greedy
from model.positions import ENCODINGS
from model.transformer import Transformer
from tests.helpers.rounding import APART
from tests.helpers.small import all_real, small_model, trace_of

PAD, BOS, EOS = 0, 1, 2
SEEDS = range(6)
LIVELY = {"vocab_size": 7, "d_model": 8, "n_heads": 2, "d_ff": 12, "max_src_len": 8, "max_tgt_len": 9}
"""Few tokens: the end comes up often, hypotheses cross and finish at different lengths."""


def lively(seed: int, dtype: torch.dtype = torch.float64, **changes: object) -> Transformer:
    return small_model(seed, dtype, **(LIVELY | changes))


def sentence(seed: int, vocab_size: int = 7) -> list[int]:
    generator = torch.Generator().manual_seed(100 + seed)
    length = int(torch.randint(1, 7, (), generator=generator))
    return [*torch.randint(3, vocab_size, (length,), generator=generator).tolist(), EOS]


def next_log_probs(
    model: Transformer, src: list[int], ids: tuple[int, ...], edits: Edits | None = None
) -> Tensor:
    """log P (vocab,) of the token after `ids`, by the whole forward pass, over the whole vocabulary."""
    return forced_log_probs(model, src, ids, edits)[-1]


def forced_log_probs(
    model: Transformer, src: list[int], ids: tuple[int, ...], edits: Edits | None = None
) -> Tensor:
    """log P (row, vocab) of every row of one forced pass that reads the start token and `ids`."""
    if edits:
        trace = trace_of(model, tuple(src), (BOS, *ids), edits=edits)
        return torch.tensor(trace["output.logits"].value).log_softmax(-1)
    with torch.inference_mode():
        src_ids, tgt_ids = torch.tensor([src]), torch.tensor([[BOS, *ids]])
        rows = model(src_ids, tgt_ids, all_real(src_ids))[0].log_softmax(-1)
    return rows.clone()


def never_ending(seed: int, **changes: object) -> Transformer:
    """A model whose end token has a vector of length zero, hence a logit that stays below the best."""
    model = lively(seed, **changes)
    with torch.no_grad():
        model.embedding.weight[EOS] = 0
    return model


@torch.inference_mode()
def searched(
    model: Transformer,
    src: list[int],
    width: int,
    alpha: float,
    edits: Edits | None = None,
    limit: int | None = None,
) -> tuple[BeamSearch, list[BeamStep]]:
    search = BeamSearch(model, src, width, alpha, edits, limit)
    return search, list(search)


@torch.inference_mode()
def greedily(model: Transformer, src: list[int], edits: Edits | None = None) -> list[Step]:
    return list(greedy(model, src, edits))


every_seed = pytest.mark.parametrize("seed", SEEDS)
every_kind = pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))
both_precisions = pytest.mark.parametrize(("dtype", "tolerance"), APART.items(), ids=["float64", "float32"])
