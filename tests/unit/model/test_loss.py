"""loss.py against torch's own cross-entropy; the mean over pairs counts each real token once."""

import math

import pytest
import torch
from torch.nn import functional as F

from model.loss import CHUNK, mean_loss, perplexity, smoothed_cross_entropy
from tests.helpers.small import small_model

ROWS = {"one": 1, "one chunk": CHUNK, "one more": CHUNK + 1, "three chunks": 2 * CHUNK + 17}
RESULTS = ("loss", "d_states", "d_weight")


def ours_and_torch(n_rows, smoothing, factor=1.0):
    """Loss and gradients, ours and torch's."""
    generator = torch.Generator().manual_seed(n_rows)
    states = torch.randn(n_rows, 8, generator=generator, dtype=torch.float64)
    weight = torch.randn(31, 8, generator=generator, dtype=torch.float64)
    targets = torch.randint(31, (n_rows,), generator=generator)
    results = []
    for ours in (True, False):
        s, w = states.clone().requires_grad_(), weight.clone().requires_grad_()
        if ours:
            loss = smoothed_cross_entropy(s, w, targets, smoothing)
        else:
            loss = F.cross_entropy(s @ w.T, targets, label_smoothing=smoothing)
        (factor * loss).backward()
        results.append(dict(zip(RESULTS, (loss.detach(), s.grad, w.grad), strict=True)))
    return results


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("what", RESULTS)
def test_smoothed_cross_entropy_equals_torch(what, rows, smoothing):
    ours, theirs = ours_and_torch(ROWS[rows], smoothing)
    torch.testing.assert_close(ours[what], theirs[what], rtol=0, atol=1e-12)


def test_gradients_scale_with_what_follows_the_loss():
    ours, theirs = ours_and_torch(5, 0.1, factor=-3.0)
    torch.testing.assert_close(ours["d_weight"], theirs["d_weight"], rtol=0, atol=1e-12)


def test_huge_logits_stay_finite():
    states, weight = torch.full((2, 1), 1e4), torch.tensor([[1.0], [-1.0]])
    loss = smoothed_cross_entropy(states, weight, torch.tensor([0, 1]), 0.0)
    assert loss.item() == 1e4


def test_states_are_left_as_they_were():
    states, weight = torch.ones(3, 2), torch.ones(4, 2)
    smoothed_cross_entropy(states, weight, torch.tensor([0, 1, 2]), 0.1)
    assert torch.equal(states, torch.ones(3, 2))


def test_perplexity_of_a_uniform_guess_is_the_number_of_choices():
    assert perplexity(math.log(7)) == pytest.approx(7)


def test_perplexity_of_a_diverged_loss_is_finite():
    assert math.isfinite(perplexity(1e9))


def test_mean_loss_does_not_depend_on_the_order_of_pairs(tokenizer):
    model = small_model(vocab_size=tokenizer.vocab_size)
    pairs = [([5] * n, [6 + n] * (13 - n)) for n in range(1, 12)]
    assert mean_loss(model, pairs, tokenizer) == pytest.approx(mean_loss(model, pairs[::-1], tokenizer))


def test_mean_loss_counts_tokens_and_not_padding(tokenizer):
    model = small_model(vocab_size=tokenizer.vocab_size)
    short, long = ([5], [6]), ([7] * 9, [8] * 9)
    apart = (2 * mean_loss(model, [short], tokenizer) + 10 * mean_loss(model, [long], tokenizer)) / 12
    assert mean_loss(model, [short, long], tokenizer) == pytest.approx(apart)


@pytest.mark.parametrize("training", [True, False])
def test_mean_loss_leaves_the_mode_as_it_was(tokenizer, training):
    model = small_model(vocab_size=tokenizer.vocab_size).train(training)
    mean_loss(model, [([5], [6])], tokenizer)
    assert model.training is training
