"""model/contributions.py: the parts sum to the logit, and each is what carrying it forward by hand gives."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from model.contributions import contributions, directions, norm_names, parts_of, terms
from model.glass import load
from model.layers import LayerNorm
from tests.helpers import checkpoints
from tests.helpers.rounding import APART
from tests.helpers.small import CHOICES, SEEDS, TGT, small_model, trace_of

SIZES = [(1, 1), (3, 4), (6, 8)]
NORMS = ["post", "pre"]
WORDS = (8, 3, 8, 17, 2)


def logit_error(model, trace, ids=WORDS):
    own = trace["output.logits"].value[np.arange(len(ids)), list(ids)]
    return np.abs(contributions(model, trace, ids).sum(-1).numpy() - own).max()


def index(trace, name):
    return [part.name for part in parts_of(trace)].index(name)


def carry(model, trace, part, term):
    """A part carried forward through each norm that it passes, with the actual σ: (row, d_model)."""
    for name in norm_names(trace.anatomy)[part.norms :]:
        centred = term - term.mean(-1, keepdim=True)
        term = model.block(name).gamma * centred / torch.tensor(trace[f"{name}.std"].value)
    return term


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("seed", list(SEEDS)[:4])
def test_the_parts_of_a_float32_trace_sum_to_the_logit(seed, size, norm):
    layers, heads = size
    sizes = {"n_layers": layers, "n_heads": heads, "d_model": 8 * heads}
    model = small_model(seed, torch.float32, norm=norm, **sizes)
    assert logit_error(model, trace_of(model)) <= APART[torch.float32]


@pytest.mark.parametrize(("positions", "attention", "norm"), CHOICES)
def test_the_parts_of_a_float64_trace_sum_exactly_for_every_choice(positions, attention, norm):
    model = small_model(positions=positions, attention=attention, norm=norm)
    assert logit_error(model, trace_of(model)) <= 1e-12


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_checkpoints_parts_sum_to_the_logit_of_any_word(tmp_path, size, norm):
    glass = checkpoints.exact(checkpoints.make(tmp_path, "any", *size, norm=norm))
    trace = glass.trace("Where is the station?")
    for word in range(0, glass.config.vocab_size, 97):
        assert logit_error(glass.model, trace, [word] * len(trace.predicts)) <= 1e-10


@pytest.mark.parametrize("norm", NORMS)
def test_each_part_is_its_term_carried_forward_and_met_with_e(norm):
    model = small_model(norm=norm)
    trace = trace_of(model)
    rows = model.embedding.weight.detach()[list(WORDS)]
    found, written = contributions(model, trace, WORDS), terms(model, trace)
    with torch.no_grad():
        for p, part in enumerate(parts_of(trace)):
            by_hand = (carry(model, trace, part, written[p]) * rows).sum(-1)
            assert torch.allclose(found[:, p], by_hand, atol=1e-12, rtol=0), part.name


@pytest.mark.parametrize("norm", NORMS)
def test_the_carried_terms_sum_to_the_last_state(norm):
    model = small_model(norm=norm)
    trace = trace_of(model)
    written = terms(model, trace)
    with torch.no_grad():
        carried = sum(
            carry(model, trace, part, term) for part, term in zip(parts_of(trace), written, strict=True)
        )
    assert np.abs(carried.numpy() - trace["decoder.states"].value).max() <= 1e-12


@pytest.mark.parametrize("site", ["self_attn", "cross_attn"])
def test_heads_and_bias_sum_to_what_the_attention_wrote(site):
    model = small_model()
    trace = trace_of(model)
    first = index(trace, f"decoder.1.{site}.head.0")
    own = terms(model, trace)[first : first + model.config.n_heads + 1].sum(0)
    assert np.abs(own.numpy() - trace[f"decoder.1.{site}.out"].value).max() <= 1e-12


def test_the_feed_forward_and_its_bias_sum_to_what_it_wrote():
    model = small_model()
    trace = trace_of(model)
    written, first = terms(model, trace), index(trace, "decoder.0.ffn.W_2")
    own = written[first] + written[index(trace, "decoder.0.ffn.b_2")]
    assert np.abs(own.numpy() - trace["decoder.0.ffn.ffn_out"].value).max() <= 1e-12


@pytest.mark.parametrize("norm", NORMS)
def test_the_parts_are_those_of_the_model_in_the_order_of_the_stream(norm):
    trace = trace_of(small_model(n_layers=1, n_heads=2, norm=norm))
    norms = {"post": (1, 2, 3), "pre": ()}[norm]
    expected = ["embed", "pos"]
    for number, site in enumerate(("self_attn", "cross_attn", "ffn")):
        own = ["W_2", "b_2"] if site == "ffn" else ["head.0", "head.1", "b_o"]
        expected += [f"0.{site}.{name}" for name in own]
        expected += [f"0.{site}_norm.beta"] * (number < len(norms))
    expected += ["final_norm.beta"] * (norm == "pre")
    assert [part.name for part in parts_of(trace)] == [f"decoder.{name}" for name in expected]
    assert {part.kind for part in parts_of(trace)} == {"embedding", "self_attn", "cross_attn", "ffn", "bias"}


@pytest.mark.parametrize("positions", ["none", "rotary", "alibi"])
def test_without_position_vectors_there_is_no_such_part(positions):
    trace = trace_of(small_model(positions=positions))
    assert "decoder.pos" not in [part.name for part in parts_of(trace)]


def test_a_beta_passes_only_the_norms_after_its_own():
    model = small_model()
    trace = trace_of(model)
    last = index(trace, "decoder.1.ffn_norm.beta")
    beta = model.block("decoder.1.ffn_norm").beta.detach()
    expected = model.embedding.weight.detach()[list(WORDS)] @ beta
    assert torch.allclose(contributions(model, trace, WORDS)[:, last], expected, atol=1e-14)


def test_the_norms_are_those_that_the_trace_names():
    for norm in NORMS:
        model = small_model(norm=norm)
        trace = trace_of(model)
        for name in norm_names(model.anatomy):
            assert f"{name}.std" in trace
            assert isinstance(model.block(name), LayerNorm)


def test_chosen_rows_are_the_rows_of_all():
    model = small_model()
    trace = trace_of(model)
    whole = contributions(model, trace, WORDS)
    some = contributions(model, trace, WORDS[1:3], slice(1, 3))
    assert torch.allclose(some, whole[1:3], atol=1e-14)
    assert torch.allclose(terms(model, trace, slice(2, 3)), terms(model, trace)[:, 2:3], atol=1e-14)
    assert directions(model, trace, WORDS).shape == (7, len(TGT), model.config.d_model)


def test_a_silenced_head_adds_nothing():
    model = small_model()
    name = "decoder.0.cross_attn.z"
    silence = {name: lambda z, _: torch.cat([z[:, :1], 0 * z[:, 1:2], z[:, 2:]], 1)}
    trace = trace_of(model, edits=silence)
    found = contributions(model, trace, WORDS)
    assert (found[:, index(trace, "decoder.0.cross_attn.head.1")] == 0).all()
    assert logit_error(model, trace) <= 1e-12


@pytest.mark.timed
def test_one_row_of_the_shown_model_takes_well_under_20_ms():
    glass = load("en-de")
    trace = glass.trace("A man rides a red bike.")
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        contributions(glass.model, trace, [5], slice(2, 3))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.02
