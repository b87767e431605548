"""optimizers.py: the learning rate over a run, and which weights go by which optimizer."""

import pytest
import torch

from model.config import Config
from model.layers import FeedForward
from model.optimizers import WAKING, Optimizers, rate_at, wake
from tests.helpers.small import small_model


def rates(n=100, rate=1.0, warmup=4, decay=0.4):
    return [rate_at(step, n, rate, warmup, decay) for step in range(n + 1)]


def test_rate_warms_up_to_its_peak():
    assert rates()[:4] == [0.25, 0.5, 0.75, 1.0]


def test_rate_stays_on_its_plateau():
    assert set(rates()[4:61]) == {1.0}


def test_rate_falls_on_a_straight_line_to_nothing():
    assert rates()[60:] == pytest.approx([(100 - step) / 40 for step in range(60, 101)])


def test_rate_beyond_the_planned_end_is_nothing():
    assert rate_at(120, 100, 1.0, 4, 0.4) == 0


def test_without_decay_the_rate_stays_to_the_end():
    assert rates(decay=0)[4:100] == [1.0] * 96


def names_by_optimizer(kind):
    model = small_model()
    names = {id(p): name for name, p in model.named_parameters()}
    optimizers = Optimizers(model, kind, 0.0)
    return [{names[id(p)] for group in one.param_groups for p in group["params"]} for one in optimizers.all]


def test_muon_moves_exactly_the_matrices_of_the_layers():
    _, by_muon = names_by_optimizer("muon")
    layers = {f"W_{part}.weight" for part in ("q", "k", "v", "o", "1", "2")}
    model = small_model()
    assert by_muon == {n for n, _ in model.named_parameters() if ".".join(n.split(".")[-2:]) in layers}


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_has_exactly_one_optimizer(kind):
    groups = names_by_optimizer(kind)
    every = {name for name, _ in small_model().named_parameters()}
    assert set().union(*groups) == every
    assert sum(map(len, groups)) == len(every)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_step_moves_every_weight_that_has_a_gradient(kind):
    model = small_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(1), dtype=p.dtype)
    Optimizers(model, kind, 0.0).step(1e-2)
    assert [name for name, p in model.named_parameters() if torch.equal(p, before[name])] == []


def test_muon_moves_a_matrix_along_an_almost_orthogonal_direction():
    """Newton–Schulz brings each singular value near 1: between 0.5 and 1.5 by its authors' own figure."""
    model = small_model()
    W = model.encoder[0].self_attn.W_q.weight
    before = W.detach().clone()
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    W.grad = torch.randn(W.shape, generator=torch.Generator().manual_seed(1), dtype=W.dtype)
    Optimizers(model, "muon", 0.0).step(1e-2)
    singular = torch.linalg.svdvals((W - before).double())
    assert singular.max() / singular.min() < 3


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer must be one of muon, adamw, not 'sgd'"):
        Optimizers(small_model(), "sgd", 0.0)


def test_only_units_that_were_silent_throughout_the_batch_are_woken():
    ffn = FeedForward(Config(d_model=4, n_heads=1, d_ff=3, dropout=0.0))
    with torch.no_grad():
        ffn.W_1.bias.copy_(torch.tensor([50.0, -50.0, -50.0]))
    ffn(torch.randn(1, 5, 4)).sum().backward()
    before = ffn.W_1.bias.detach().clone()
    wake(ffn, 0.1)
    assert (ffn.W_1.bias - before).tolist() == pytest.approx([0, WAKING * 0.1, WAKING * 0.1], abs=1e-5)


def test_a_lost_unit_fires_again_and_learns():
    """A unit far below 0 gets no gradient; without `wake` its row of W_1 never moves."""
    torch.manual_seed(1)
    ffn = FeedForward(Config(d_model=8, n_heads=1, d_ff=4, dropout=0.0))
    x, wanted = torch.randn(1, 64, 8), torch.randn(1, 64, 8)
    with torch.no_grad():
        ffn.W_1.bias[0] = x.norm(dim=-1).max() * -ffn.W_1.weight[0].norm()
    row = ffn.W_1.weight[0].detach().clone()
    optimizers = Optimizers(ffn, "adamw", 0.0)
    for _ in range(200):
        (ffn(x) - wanted).square().mean().backward()
        wake(ffn, 0.05)
        optimizers.step(0.05)
    assert (ffn.W_1.weight[0] - row).norm() > 0.1
