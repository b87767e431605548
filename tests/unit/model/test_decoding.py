"""decoding.py against naive uncached references written here: loops over the model's full forward pass."""

import math

import pytest
import torch
from torch import Tensor

from model.decoding import N_ALTERNATIVES, Incremental
from model.transformer import Transformer
from tests.helpers.lively import (
    BOS,
    EOS,
    LIVELY,
    PAD,
    SEEDS,
    both_precisions,
    every_kind,
    every_seed,
    forced_log_probs,
    greedily,
    lively,
    never_ending,
    next_log_probs,
    searched,
    sentence,
)  # fmt: skip
from tests.helpers.small import small_model, trace_of


def naive_greedy(model: Transformer, src: list[int]) -> tuple[list[int], list[float]]:
    """Argmax without a cache: ids (the end token included) and their log-probabilities."""
    ids: list[int] = []
    taken: list[float] = []
    while len(ids) < model.config.max_tgt_len and ids[-1:] != [EOS]:
        log_probs = next_log_probs(model, src, tuple(ids))
        choice = max(range(len(log_probs)), key=lambda i: (i not in (PAD, BOS), log_probs[i].item()))
        ids.append(choice)
        taken.append(log_probs[choice].item())
    return ids, taken


# Greedy


@every_seed
def test_greedy_is_the_argmax_of_the_full_forward_pass(seed: int):
    for vocab_size in (7, 23):
        model, src = lively(seed, vocab_size=vocab_size), sentence(seed, vocab_size)
        steps, (ids, log_probs) = greedily(model, src), naive_greedy(lively(seed, vocab_size=vocab_size), src)
        assert [step.id for step in steps] == ids
        assert [step.log_prob for step in steps] == pytest.approx(log_probs, abs=1e-10)


def test_greedy_stops_right_after_the_end_token_or_at_the_limit():
    lengths = []
    for seed in range(30):
        ids = [step.id for step in greedily(lively(seed), sentence(seed))]
        assert EOS not in ids[:-1]
        assert ids[-1] == EOS or len(ids) == LIVELY["max_tgt_len"]
        lengths.append(len(ids) if ids[-1] == EOS else 0)
    assert 0 in lengths, "no sentence ran into the limit: choose other seeds"
    assert len(set(lengths)) > 3, "the end token came too seldom: choose other seeds"


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_greedy_stops_at_the_length_limit(limit: int):
    model = never_ending(0, max_tgt_len=limit)
    assert len(greedily(model, sentence(0))) == limit


def test_padding_and_start_are_never_chosen_though_they_are_most_probable():
    for seed in SEEDS:
        model = lively(seed)
        with torch.no_grad():
            beta = model.decoder[-1].ffn_add.norm.beta
            beta *= 20 / beta.norm()
            model.embedding.weight[[PAD, BOS]] = beta / beta.norm() * 3
        src = sentence(seed)
        first = next_log_probs(model, src, ())
        assert int(first.argmax()) in (PAD, BOS)
        steps = greedily(model, src)
        _, beams = searched(model, src, 3, 0.6)
        seen = {a.id for step in steps for a in step.alternatives} | {
            n.token_id for b in beams for n in b.nodes
        }
        assert not seen & {PAD, BOS}
        assert steps[0].log_prob == pytest.approx(first[steps[0].id].item(), abs=1e-10)
        assert math.exp(steps[0].log_prob) < 0.5


@every_seed
def test_log_probabilities_are_natural_logarithms_over_the_whole_vocabulary(seed: int):
    model, src = lively(seed), sentence(seed)
    steps = greedily(model, src)
    ids = tuple(step.id for step in steps)
    rows = forced_log_probs(model, src, ids[:-1]).exp()
    assert rows.sum(-1).tolist() == pytest.approx([1] * len(ids))
    for step, probs in zip(steps, rows, strict=True):
        shown = {a.id: math.exp(a.log_prob) for a in step.alternatives}
        assert sorted(shown) == [i for i in range(7) if i not in (PAD, BOS)]
        assert sum(shown.values()) + probs[[PAD, BOS]].sum().item() == pytest.approx(1, abs=1e-10)


@every_seed
def test_alternatives_are_the_most_probable_tokens_best_first_and_the_first_is_taken(seed: int):
    model, src = lively(seed, vocab_size=23), sentence(seed, 23)
    steps = greedily(model, src)
    rows = forced_log_probs(model, src, tuple(step.id for step in steps[:-1]))
    for step, row in zip(steps, rows, strict=True):
        row[[PAD, BOS]] = -torch.inf
        best = row.sort(descending=True)
        assert [a.id for a in step.alternatives] == best.indices[:N_ALTERNATIVES].tolist()
        log_probs = [a.log_prob for a in step.alternatives]
        assert log_probs == pytest.approx(best.values[:N_ALTERNATIVES].tolist(), abs=1e-10)
        assert log_probs == sorted(log_probs, reverse=True)
        assert (step.alternatives[0].id, step.alternatives[0].log_prob) == (step.id, step.log_prob)


# The cached decoder


@every_kind
@both_precisions
def test_each_cached_step_equals_its_row_of_the_forced_trace(
    positions: str, norm: str, dtype: torch.dtype, tolerance: float
):
    model = small_model(3, dtype, positions=positions, norm=norm)
    src, tgt = sentence(1, 23), (BOS, 8, 3, 8, 17, 22, 5, 5, 9)
    rows = torch.tensor(trace_of(model, tuple(src), tgt)["output.logits"].value).log_softmax(-1)
    with torch.inference_mode():
        decoder = Incremental(model, src)
        steps = torch.stack([decoder.log_probs([token])[0] for token in tgt])
    torch.testing.assert_close(steps, rows, rtol=0, atol=tolerance)


@every_kind
@both_precisions
def test_greedy_and_beam_report_the_forced_passes_log_probabilities(
    positions: str, norm: str, dtype: torch.dtype, tolerance: float
):
    model = small_model(4, dtype, positions=positions, norm=norm)
    src = sentence(2, 23)
    search, _ = searched(model, src, 4, 0.6)
    for steps in (greedily(model, src), search.best.steps):
        ids = tuple(step.id for step in steps)
        forced = forced_log_probs(model, src, ids[:-1])[range(len(ids)), ids]
        assert [step.log_prob for step in steps] == pytest.approx(forced.tolist(), abs=tolerance)


# Edits


def without_head(head: int):
    """An edit that zeroes one head of (batch, head, …)."""

    def edit(value: Tensor, parents: dict[str, Tensor]) -> Tensor:
        others = torch.ones(value.shape[1], dtype=value.dtype)
        others[head] = 0
        return value * others[:, None, None]

    return edit


EDITED = [
    "decoder.0.cross_attn.weights",
    "decoder.1.cross_attn.z",
    "decoder.1.cross_attn.v",
    "decoder.0.cross_attn.k",
    "decoder.0.self_attn.weights",
    "encoder.1.self_attn.weights",
]


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("name", EDITED)
def test_an_edit_changes_decoding_as_the_edited_forced_trace_says(name: str, width: int):
    changed = 0
    for seed in range(3):
        model, src, edits = lively(seed), sentence(seed), {name: without_head(1)}
        if width == 1:
            steps, plain = greedily(model, src, edits), greedily(model, src)
        else:
            steps = list(searched(model, src, width, 0.6, edits)[0].best.steps)
            plain = list(searched(model, src, width, 0.6)[0].best.steps)
        ids = tuple(step.id for step in steps)
        forced = forced_log_probs(model, src, ids[:-1], edits)[range(len(ids)), ids]
        assert [step.log_prob for step in steps] == pytest.approx(forced.tolist(), abs=1e-10)
        unedited = [step.log_prob for step in plain]
        changed += [step.log_prob for step in steps] != pytest.approx(unedited, abs=1e-6)
    assert changed


def test_several_edits_act_together():
    model, src = lively(2), sentence(2)
    edits = {name: without_head(0) for name in EDITED}
    steps = greedily(model, src, edits)
    ids = tuple(step.id for step in steps)
    forced = forced_log_probs(model, src, ids[:-1], edits)[range(len(ids)), ids]
    assert [step.log_prob for step in steps] == pytest.approx(forced.tolist(), abs=1e-10)


def test_an_edit_while_decoding_sees_the_parents_of_the_value():
    model, src = lively(1), sentence(1)
    seen: list[tuple[int, ...]] = []

    def lift_nothing(value: Tensor, parents: dict[str, Tensor]) -> Tensor:
        seen.append(tuple(parents["scaled"].shape))
        return parents["scaled"]

    edits = {"decoder.0.cross_attn.masked": lift_nothing}
    edited, plain = greedily(model, src, edits), greedily(model, src)
    assert [step.id for step in edited] == [step.id for step in plain]
    assert [step.log_prob for step in edited] == pytest.approx([s.log_prob for s in plain], abs=1e-10)
    assert set(seen) == {(1, 2, 1, len(src))}


def test_an_edit_of_the_logits_decides_what_is_chosen():
    model, src = lively(1), sentence(1)

    def only_five(value: Tensor, parents: dict[str, Tensor]) -> Tensor:
        return value + torch.eye(value.shape[-1], dtype=value.dtype)[5] * 100

    steps = greedily(model, src, {"output.logits": only_five})
    assert {step.id for step in steps} == {5}
    assert len(steps) == LIVELY["max_tgt_len"]
