"""influence.py: leaving one out against single passes, norms against NumPy, ranks against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.influence import (
    log_probs_masking,
    mask_one_out,
    norms,
    products,
    rank_correlation,
    ranks,
    values_through_W_o,
)
from tests.helpers.small import CHOICES, SRC, TGT, small_model, trace_of

PREDICTED = (*TGT[1:], 2)


def single_pass(model, src, tgt, step, without=None):
    """log P of tgt[step] by one whole forward pass, masks written out."""
    keep = torch.tensor([[s != without for s in range(len(src))]])
    reads = torch.tensor([[model.config.bos_id, *tgt[:-1]]])
    with torch.no_grad():
        logits = model(torch.tensor([src]), reads, keep)[0, step].numpy()
    highest = logits.max()
    return logits[tgt[step]] - highest - np.log(np.exp(logits - highest).sum())


def model_of(choice, **changes):
    positions, attention, norm = choice
    return small_model(positions=positions, attention=attention, norm=norm, **changes)


@pytest.mark.parametrize("choice", CHOICES, ids="-".join)
@pytest.mark.parametrize("step", range(len(PREDICTED)))
def test_leaving_one_out_is_a_loop_of_single_passes(choice, step):
    model = model_of(choice)
    whole = single_pass(model, SRC, PREDICTED, step)
    naive = [single_pass(model, SRC, PREDICTED, step, s) - whole for s in range(len(SRC))]
    found = mask_one_out(model, SRC, PREDICTED, step)
    assert found.shape == (len(SRC),)
    assert np.allclose(found.numpy(), naive, atol=1e-12, rtol=0)
    assert np.abs(naive).max() > 1e-3


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_any_depth_works(norm, n_layers):
    model = small_model(n_layers=n_layers, norm=norm)
    whole = single_pass(model, SRC, PREDICTED, 3)
    naive = [single_pass(model, SRC, PREDICTED, 3, s) - whole for s in range(len(SRC))]
    assert np.allclose(mask_one_out(model, SRC, PREDICTED, 3).numpy(), naive, atol=1e-12, rtol=0)


def test_the_first_number_is_that_of_the_whole_source():
    model = small_model()
    found = log_probs_masking(model, SRC, PREDICTED, 2)
    assert found.shape == (1 + len(SRC),)
    assert float(found[0]) == pytest.approx(single_pass(model, SRC, PREDICTED, 2), abs=1e-12)


def test_what_comes_after_the_step_does_not_matter():
    model = small_model()
    assert torch.equal(mask_one_out(model, SRC, PREDICTED, 1), mask_one_out(model, SRC, PREDICTED[:2], 1))


@pytest.mark.parametrize("src", [(5, 2), (2,)])
def test_a_sentence_of_one_token_works(src):
    model = small_model()
    whole = single_pass(model, src, PREDICTED, 0)
    naive = [single_pass(model, src, PREDICTED, 0, s) - whole for s in range(len(src))]
    found = mask_one_out(model, src, PREDICTED, 0)
    assert found.isfinite().all()
    assert np.allclose(found.numpy(), naive, atol=1e-12, rtol=0)


def numpy_taken(model, trace, layer):
    """(head, query, source, d_model): α · v W_O, one head's columns of W_O at a time."""
    site, d_head = f"decoder.{layer}.cross_attn", model.config.d_head
    W_o = model.decoder[layer].cross_attn.W_o.weight.detach().numpy().astype(np.float64)
    weights, v = (trace[f"{site}.{name}"].value.astype(np.float64) for name in ("weights", "v"))
    heads = [v[h] @ W_o[:, h * d_head : (h + 1) * d_head].T for h in range(model.config.n_heads)]
    return weights[..., None] * np.stack(heads)[:, None]


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_norms_are_those_of_what_each_head_takes(norm):
    model = small_model(norm=norm)
    trace = trace_of(model)
    for step in range(len(trace.sides["tgt"].ids)):
        found, together = norms(model, trace, step)
        for layer in range(model.config.n_layers):
            taken = numpy_taken(model, trace, layer)[:, step]
            assert np.allclose(found[layer], np.linalg.norm(taken, axis=-1), atol=1e-12, rtol=0)
            assert np.allclose(together[layer], np.linalg.norm(taken.sum(0), axis=-1), atol=1e-12, rtol=0)


def test_what_is_taken_from_all_tokens_and_W_os_bias_are_out():
    model = small_model()
    trace = trace_of(model)
    for layer in range(model.config.n_layers):
        attention = model.decoder[layer].cross_attn
        out = numpy_taken(model, trace, layer).sum((0, 2)) + attention.W_o.bias.detach().numpy()
        assert np.allclose(out, trace[f"decoder.{layer}.cross_attn.out"].value, atol=1e-12)


def test_products_hold_every_norm():
    model = small_model()
    trace = trace_of(model)
    u, dots = values_through_W_o(model, trace), products(model, trace)
    found, together = norms(model, trace, 2)
    for layer in range(model.config.n_layers):
        alpha = torch.tensor(trace[f"decoder.{layer}.cross_attn.weights"].value[:, 2], dtype=torch.float64)
        for s in range(len(SRC)):
            pairs = u[layer, :, s] @ u[layer, :, s].T
            assert torch.allclose(dots[layer, s], pairs, atol=1e-12)
            square = alpha[:, s] @ dots[layer, s] @ alpha[:, s]
            assert float(square.sqrt()) == pytest.approx(float(together[layer, s]), abs=1e-12)
            own = alpha[:, s] * dots[layer, s].diagonal().sqrt()
            assert torch.allclose(own, found[layer, :, s], atol=1e-12)


NUMBERS = st.lists(
    st.tuples(st.integers(-3, 3), st.floats(-5, 5, allow_nan=False, width=32)), min_size=3, max_size=20
)


@given(NUMBERS)
def test_rank_correlation_is_pandas_correlation_of_ranks(pairs):
    a, b = (pd.Series(column, dtype=float) for column in zip(*pairs, strict=True))
    assert np.array_equal(ranks(torch.tensor(a.to_numpy())), a.rank())
    found = rank_correlation(torch.tensor(a.to_numpy()), torch.tensor(b.to_numpy()))
    if a.nunique() == 1 or b.nunique() == 1:
        assert found is None
    else:
        assert found == pytest.approx(a.rank().corr(b.rank()), abs=1e-12)


@pytest.mark.parametrize("n", range(3))
def test_fewer_than_three_values_have_no_rank_correlation(n):
    assert rank_correlation(torch.arange(n), torch.arange(n)) is None


def test_rank_correlation_without_ties_is_the_textbooks_formula():
    a, b = torch.tensor([3.0, 1.0, 2.0, 5.0]), torch.tensor([0.1, 0.4, 0.2, 0.9])
    d = ranks(a) - ranks(b)
    assert rank_correlation(a, b) == pytest.approx(1 - 6 * float(d @ d) / (4 * (16 - 1)), abs=1e-12)
