"""counts.py: parameters sum to the model's own, multiply–adds to those that torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from model.config import Config
from model.counts import multiply_adds, parameters, total
from model.transformer import Transformer

SIZES = [(1, 1, 8, 16), (3, 2, 16, 24), (2, 8, 32, 8)]


def config_of(size, **more):
    n_layers, n_heads, d_model, d_ff = size
    return Config(n_layers=n_layers, n_heads=n_heads, d_model=d_model, d_ff=d_ff, vocab_size=50, **more)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "none"])
def test_parameters_of_all_blocks_sum_to_the_models(size, norm, positions):
    model = Transformer(config_of(size, norm=norm, positions=positions))
    assert total(parameters(model), size[0]) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("n_src", "n_tgt"), [(1, 1), (7, 4), (5, 12)])
def test_multiply_adds_of_all_blocks_are_half_the_operations_that_torch_counts(size, n_src, n_tgt):
    config = config_of(size)
    model = Transformer(config).eval()
    src, tgt = torch.full((1, n_src), 5), torch.full((1, n_tgt), 5)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(src, tgt, torch.ones_like(src, dtype=torch.bool))
    assert 2 * total(multiply_adds(config, n_src, n_tgt), config.n_layers) == counter.get_total_flops()


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_every_block_that_works_has_parameters_counted_too(norm):
    config = config_of(SIZES[1], norm=norm)
    assert set(multiply_adds(config, 3, 3)) <= set(parameters(Transformer(config)))
