"""forcing.py: one masked pass and step by step give the same numbers, those of the naive uncached model."""

import pytest
import torch

from model.forcing import one_pass, step_by_step
from model.positions import ENCODINGS
from tests.helpers.lively import BOS, EOS, lively, next_log_probs, sentence

TARGET = (4, 3, 6, 6, 5)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", ENCODINGS)
def test_both_ways_give_each_steps_naive_log_probabilities(positions, norm):
    model, src = lively(3, positions=positions, norm=norm, n_layers=2), sentence(3)
    reads = [BOS, *TARGET]
    at_once, stepped = one_pass(model, src, reads), step_by_step(model, src, reads)
    naive = torch.stack([next_log_probs(model, src, TARGET[:t]) for t in range(len(reads))])
    assert torch.allclose(at_once, naive, rtol=0, atol=1e-10)
    assert torch.allclose(stepped, naive, rtol=0, atol=1e-10)


def test_a_later_word_changes_no_earlier_step():
    model, src = lively(1), sentence(1)
    one, other = (one_pass(model, src, [BOS, *TARGET[:3], last, EOS]) for last in (3, 6))
    assert torch.equal(one[:4], other[:4])
    assert not torch.equal(one[4:], other[4:])
