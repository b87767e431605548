"""sampling.py against a naive version of its definition: loops over the model's full forward pass."""

import math
import re

import pytest
import torch

from model.limits import LimitError
from model.positions import ENCODINGS
from model.sampling import drawable, sample
from model.transformer import Transformer
from tests.helpers.lively import (
    BOS,
    EOS,
    LIVELY,
    PAD,
    SEEDS,
    greedily,
    lively,
    next_log_probs,
    sentence,
)

CUTS = [
    (1.0, None, 1.0),
    (0.3, None, 1.0),
    (2.0, None, 1.0),
    (1.0, 1, 1.0),
    (1.0, 3, 1.0),
    (1.0, 100, 1.0),
    (1.0, None, 0.05),
    (1.0, None, 0.6),
    (0.7, 4, 0.8),
    (1.6, 3, 0.5),
]
every_cut = pytest.mark.parametrize(("temperature", "top_k", "top_p"), CUTS)


def naive_probs(log_probs: list[float], temperature: float, top_k: int | None, top_p: float) -> list[float]:
    """As in viz/instruments/output/sampling.js: temperature, then top-k, then top-p; renormalised."""
    exps = [math.exp((p - max(log_probs)) / temperature) for p in log_probs]
    order = sorted(range(len(exps)), key=lambda i: (-log_probs[i], i))[:top_k]
    of_top_k, kept, mass = sum(exps[i] for i in order), [], 0.0
    for i in order:
        if kept and top_p < 1 and mass / of_top_k >= top_p - 1e-12:
            break
        kept.append(i)
        mass += exps[i]
    return [exps[i] / mass if i in kept else 0.0 for i in range(len(exps))]


def naive_sample(model: Transformer, src: list[int], chances: list[float], cut: tuple) -> list[tuple]:
    """(id, log p, log q) a step, by inversion: the first token at which the summed q exceeds the chance."""
    steps: list[tuple] = []
    for chance in chances:
        log_probs = next_log_probs(model, src, tuple(step[0] for step in steps)).tolist()
        allowed = [-math.inf if i in (PAD, BOS) else p for i, p in enumerate(log_probs)]
        probs = naive_probs(allowed, *cut)
        reached = [sum(probs[: i + 1]) for i in range(len(probs))]
        chosen = next(i for i, mass in enumerate(reached) if mass > chance)
        steps.append((chosen, log_probs[chosen], math.log(probs[chosen])))
        if chosen == EOS:
            break
    return steps


def chances_of(n: int, seed: int) -> list[list[float]]:
    shape = (n, LIVELY["max_tgt_len"])
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).tolist()


# What a step draws from


@every_cut
@pytest.mark.parametrize("vocab", [7, 230])
def test_what_is_drawn_from_is_the_naive_definition(temperature, top_k, top_p, vocab):
    logits = 3 * torch.randn(20, vocab, dtype=torch.float64, generator=torch.Generator().manual_seed(vocab))
    rounded = torch.cat([logits, logits.round()])  # many equal ones: of those the lower id comes first
    log_probs = rounded.log_softmax(-1)
    weights = drawable(log_probs, temperature, top_k, top_p)
    probs = weights / weights.sum(-1, keepdim=True)
    for row, expected in zip(probs.tolist(), log_probs.tolist(), strict=True):
        assert row == pytest.approx(naive_probs(expected, temperature, top_k, top_p), abs=1e-12)


def test_top_p_keeps_at_least_one_and_the_one_that_crosses():
    log_probs = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64).log()
    kept = {
        p: (drawable(log_probs, 1.0, None, p) > 0).sum().item() for p in (0.01, 0.5, 0.51, 0.8, 0.81, 1.0)
    }
    assert kept == {0.01: 1, 0.5: 1, 0.51: 2, 0.8: 2, 0.81: 3, 1.0: 3}


def test_top_p_is_a_share_of_what_top_k_keeps():
    log_probs = torch.tensor([[0.4, 0.3, 0.2, 0.1]], dtype=torch.float64).log()
    assert (drawable(log_probs, 1.0, 2, 0.56) > 0).tolist() == [[True, False, False, False]]
    assert (drawable(log_probs, 1.0, None, 0.56) > 0).tolist() == [[True, True, False, False]]


# Sequences


@every_cut
def test_every_sample_is_the_naive_one_with_both_log_probabilities(temperature, top_k, top_p):
    cut = (temperature, top_k, top_p)
    for seed in range(3):
        model, src = lively(seed, vocab_size=230 if seed else 7), sentence(seed)
        found = sample(model, src, 4, *cut, seed=seed)
        for one, chances in zip(found, chances_of(4, seed), strict=True):
            steps = naive_sample(model, src, chances, cut)
            assert one.ids == tuple(step[0] for step in steps)
            assert one.log_probs == pytest.approx([step[1] for step in steps], abs=1e-10)
            assert one.drawn_log_probs == pytest.approx([step[2] for step in steps], abs=1e-10)
            assert one.finished == (one.ids[-1] == EOS)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", ENCODINGS)
def test_rows_that_part_and_end_keep_their_own_caches(positions, norm):
    model, src = lively(1, positions=positions, norm=norm, n_layers=2), sentence(1)
    found = sample(model, src, 12, 1.5, seed=3)
    assert len({len(one.ids) for one in found}) > 1
    for one in found:
        for t, log_prob in enumerate(one.log_probs):
            assert log_prob == pytest.approx(
                next_log_probs(model, src, one.ids[:t])[one.ids[t]].item(), abs=1e-10
            )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("knobs", [{"temperature": 0}, {"temperature": 1e-9}, {"top_k": 1}, {"top_p": 1e-9}])
def test_what_leaves_one_token_a_step_is_greedy(seed, knobs):
    model, src = lively(seed), sentence(seed)
    greedy = greedily(model, src)
    for one in sample(model, src, 3, seed=seed, **knobs):
        assert one.ids == tuple(step.id for step in greedy)
        assert one.log_probs == pytest.approx([step.log_prob for step in greedy], abs=1e-10)
        assert one.drawn_log_probs == pytest.approx([0.0] * len(greedy), abs=1e-12)


def test_the_same_seed_gives_the_same_draw_and_another_one_another():
    model, src = lively(2, vocab_size=50), sentence(2)
    assert sample(model, src, 10, seed=5) == sample(model, src, 10, seed=5)
    assert sample(model, src, 10, seed=5) != sample(model, src, 10, seed=6)


def test_a_sample_does_not_depend_on_how_many_are_drawn():
    model, src = lively(2, vocab_size=50), sentence(2)
    many = [one.ids for one in sample(model, src, 50, seed=5)]
    for n in (1, 2, 17):
        assert [one.ids for one in sample(model, src, n, seed=5)] == many[:n]


def test_nothing_is_drawn_beyond_the_limit():
    model, src = lively(0, vocab_size=50), sentence(0)
    full, cut = (sample(model, src, 30, seed=1, limit=limit) for limit in (None, 3))
    assert max(len(one.ids) for one in full) == LIVELY["max_tgt_len"]
    assert [one.ids for one in cut] == [one.ids[:3] for one in full]
    assert not all(one.finished for one in cut)


def test_padding_and_start_are_never_drawn_and_log_p_is_over_the_whole_vocabulary():
    for seed in SEEDS:
        for one in sample(lively(seed), sentence(seed), 50, 2.0, seed=seed):
            assert not {PAD, BOS} & set(one.ids)


def test_shares_come_near_to_the_probability_of_what_was_drawn_from():
    model, src, n = lively(3, vocab_size=5, max_tgt_len=3), sentence(3, 5), 4000
    found = sample(model, src, n, 0.8, 2, seed=1)
    probabilities = {one.ids: math.exp(sum(one.drawn_log_probs)) for one in found}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-9)  # all there are were drawn
    assert len(probabilities) > 3
    for ids, probability in probabilities.items():
        share = sum(one.ids == ids for one in found) / n
        assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / n) + 1e-9


def test_float32_draws_what_float64_draws():
    model, src = lively(4, torch.float32, vocab_size=50), sentence(4)
    single = sample(model, src, 10, 0.9, 20, 0.9, seed=2)
    double = sample(model.double(), src, 10, 0.9, 20, 0.9, seed=2)
    assert [one.ids for one in single] == [one.ids for one in double]


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"n": 0}, "samples must be a whole number from 1 to 10,000, not 0."),
        ({"n": 10**9}, "samples must be a whole number from 1 to 10,000, not 1000000000."),
        ({"n": 2.5}, "samples must be a whole number from 1 to 10,000, not 2.5."),
        ({"temperature": -1.0}, "or a number from 0.000000001 to 10, not -1.0."),
        ({"temperature": math.nan}, "or a number from 0.000000001 to 10, not nan."),
        ({"temperature": math.inf}, "or a number from 0.000000001 to 10, not inf."),
        ({"temperature": 5e-324}, "or a number from 0.000000001 to 10, not 5e-324."),
        ({"top_k": 0}, "top_k must be a whole number from 1 to 1,000,000, not 0."),
        ({"top_k": 1.5}, "top_k must be a whole number from 1 to 1,000,000, not 1.5."),
        ({"top_p": 0.0}, "top_p must be a number from 0.000000001 to 1, not 0.0."),
        ({"top_p": 1.1}, "top_p must be a number from 0.000000001 to 1, not 1.1."),
        ({"top_p": math.nan}, "top_p must be a number from 0.000000001 to 1, not nan."),
        ({"seed": -1}, "seed must be a whole number from 0 to 999,999,999, not -1."),
        ({"seed": 2**64}, "seed must be a whole number from 0 to 999,999,999, not 18446744073709551616."),
        ({"limit": 0}, "limit must be a whole number from 1 to 1,000,000, not 0."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(knobs, said):
    with pytest.raises(LimitError, match=re.escape(said)):
        sample(lively(0), sentence(0), **({"n": 1} | knobs))
