"""counts.py: parameters sum to the model's own, multiply–adds to those that torch counts."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from model.config import Config
from model.counts import (
    cached_numbers,
    cached_step,
    multiply_adds,
    once,
    parameters,
    total,
    uncached_step,
)
from model.transformer import Transformer
from tests.helpers.toy import toy_anatomy

SIZES = [(1, 1, 8, 16), (3, 2, 16, 24), (2, 8, 32, 8)]


def config_of(size, **more):
    n_layers, n_heads, d_model, d_ff = size
    return Config(n_layers=n_layers, n_heads=n_heads, d_model=d_model, d_ff=d_ff, vocab_size=50, **more)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "none"])
def test_parameters_of_all_blocks_sum_to_the_models(size, norm, positions):
    model = Transformer(config_of(size, norm=norm, positions=positions))
    assert total(parameters(model), model.anatomy) == sum(p.numel() for p in model.parameters())


def test_a_final_norm_counts_once_whatever_the_layers():
    models = {
        (norm, n): Transformer(config_of((n, *SIZES[1][1:]), norm=norm))
        for norm in ("pre", "post")
        for n in (3, 5)
    }
    pre, post = (parameters(models[norm, 3]) for norm in ("pre", "post"))
    norms = {f"{stack}.final_norm": 2 * SIZES[1][2] for stack in ("encoder", "decoder")}
    assert pre == post | norms
    for n in (3, 5):
        totals = [total(parameters(models[norm, n]), models[norm, n].anatomy) for norm in ("pre", "post")]
        assert totals[0] - totals[1] == sum(norms.values())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("n_src", "n_tgt"), [(1, 1), (7, 4), (5, 12)])
def test_multiply_adds_of_all_blocks_are_half_the_operations_that_torch_counts(size, n_src, n_tgt):
    config = config_of(size)
    model = Transformer(config).eval()
    src, tgt = torch.full((1, n_src), 5), torch.full((1, n_tgt), 5)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(src, tgt, torch.ones_like(src, dtype=torch.bool))
    works = multiply_adds(model, {"src": n_src, "tgt": n_tgt})
    assert 2 * total(works, model.anatomy) == counter.get_total_flops()


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_every_block_that_works_has_parameters_counted_too(norm):
    model = Transformer(config_of(SIZES[1], norm=norm))
    assert set(multiply_adds(model, {"src": 3, "tgt": 3})) <= set(parameters(model))


def torch_multiply_adds(run) -> int:
    """Half of the operations that torch counts while `run` runs."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() // 2


@pytest.fixture(params=[(size, n_src) for size in SIZES for n_src in (1, 7)], ids=str)
def tiny(request):
    """A model of each size, and its memory of a source of `n_src` tokens."""
    size, n_src = request.param
    model = Transformer(config_of(size)).eval()
    keep = torch.ones(1, n_src, dtype=torch.bool)
    with torch.no_grad():
        return model, model.encode(torch.full((1, n_src), 5), keep), keep


def test_each_step_with_the_cache_costs_what_torch_counts(tiny):
    model, memory, keep = tiny
    state = model.start(memory, keep)
    for step in range(1, 9):
        counted = torch_multiply_adds(lambda: model.step(torch.tensor([5]), state))
        assert total(cached_step(model, {"src": keep.shape[1]}, step), model.anatomy) == counted


def test_each_step_without_a_cache_costs_what_torch_counts(tiny):
    model, memory, keep = tiny
    for step in range(1, 9):
        prefix = torch.full((1, step), 5)
        counted = torch_multiply_adds(
            lambda prefix=prefix: model.unembed(model.decode(prefix, memory, keep)[:, -1:])
        )
        assert total(uncached_step(model, {"src": keep.shape[1]}, step), model.anatomy) == counted


def test_the_cache_holds_as_many_numbers_as_counted_after_each_step(tiny):
    model, memory, keep = tiny
    state = model.start(memory, keep)
    for step in range(1, 9):
        with torch.no_grad():
            model.step(torch.tensor([5]), state)
        held = {
            f"decoder.{site}": sum(layer[site].k.numel() + layer[site].v.numel() for layer in state.caches)
            for site in ("self_attn", "cross_attn")
        }
        assert held == cached_numbers(model, {"src": keep.shape[1]}, step)


@pytest.mark.parametrize("n_src", [1, 7, 64])
def test_the_first_step_costs_the_same_with_and_without_a_cache(n_src):
    model, read = Transformer(config_of(SIZES[1])), {"src": n_src}
    assert cached_step(model, read, 1) == uncached_step(model, read, 1)
    later = [total(way(model, read, 2), model.anatomy) for way in (cached_step, uncached_step)]
    assert later[0] < later[1]


@pytest.mark.parametrize("n_src", [1, 7])
def test_what_runs_once_is_the_encoders_pass(n_src):
    model = Transformer(config_of(SIZES[1])).eval()
    ids = torch.full((1, n_src), 5)
    counted = torch_multiply_adds(lambda: model.encode(ids, torch.ones_like(ids, dtype=torch.bool)))
    assert total(once(model, {"src": n_src}), model.anatomy) == counted


class Toy:
    """What counts read of a model, for one side and one stack."""

    anatomy = toy_anatomy()
    config = config_of(SIZES[1])


def test_a_model_of_one_side_is_counted_too():
    d, d_ff = 16, 24
    assert multiply_adds(Toy, {"txt": 5}) == {
        "blocks.attn": 20 * d * d + 50 * d,
        "blocks.mlp": 10 * d * d_ff,
    }
    assert cached_step(Toy, {}, 5) == {"blocks.attn": 4 * d * d + 10 * d, "blocks.mlp": 2 * d * d_ff}
    assert uncached_step(Toy, {}, 5) == multiply_adds(Toy, {"txt": 5})
    assert cached_numbers(Toy, {}, 5) == {"blocks.attn": 2 * 2 * d * 5}
    assert once(Toy, {}) == {}
