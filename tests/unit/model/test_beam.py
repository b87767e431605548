"""beam.py against a naive uncached reference written here: loops over the model's full forward pass."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import pytest
import torch

from model.beam import ROOT, BeamSearch, BeamStep, CrossAttention, Hypothesis, Node, length_penalty
from model.decoding import N_ALTERNATIVES
from model.limits import LimitError
from model.positions import ENCODINGS
from model.transformer import Transformer
from tests.helpers.lively import (
    BOS,
    EOS,
    LIVELY,
    PAD,
    SEEDS,
    both_precisions,
    every_seed,
    forced_log_probs,
    greedily,
    lively,
    never_ending,
    next_log_probs,
    searched,
    sentence,
)  # fmt: skip
from tests.helpers.small import trace_of

ALPHAS = (0.0, 0.6, 1.0, 2.0)


@dataclass(frozen=True)
class Naive:
    """A hypothesis of the reference beam: ids (the end token included) and log P."""

    ids: tuple[int, ...]
    total: float

    @property
    def finished(self) -> bool:
        return self.ids[-1:] == (EOS,)

    def score(self, alpha: float) -> float:
        return self.total / ((5 + len(self.ids)) / 6) ** alpha


def naive_beam(model: Transformer, src: list[int], width: int, alpha: float) -> list[list[Naive]]:
    """The beam after each step: every token of every live hypothesis is tried, the whole prefix run anew."""
    beam, history = [Naive((), 0.0)], []
    while len(history) < model.config.max_tgt_len and not all(h.finished for h in beam):
        pool = [h for h in beam if h.finished]
        for h in beam:
            if h.finished:
                continue
            log_probs = next_log_probs(model, src, h.ids).tolist()
            choices = range(len(log_probs))
            pool += [Naive((*h.ids, i), h.total + log_probs[i]) for i in choices if i not in (PAD, BOS)]
        beam = sorted(pool, key=lambda h: -h.score(alpha))[:width]
        history.append(beam)
    return history


def ids_of(hypothesis: Hypothesis) -> tuple[int, ...]:
    return tuple(step.id for step in hypothesis.steps)


def nodes_by_id(steps: list[BeamStep]) -> dict[int, Node]:
    return {node.id: node for step in steps for node in step.nodes}


def path(node_id: int, nodes: dict[int, Node]) -> tuple[int, ...]:
    """Token ids from the root to a node."""
    node = nodes[node_id]
    return (*(path(node.parent, nodes) if node.parent >= 0 else ()), node.token_id)


def test_length_penalty_is_that_of_wu_et_al_2016():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 1.0) == 2
    assert length_penalty(13, 2.0) == 9
    assert length_penalty(19, 0.5) == 2
    assert all(length_penalty(n, 0.0) == 1 for n in range(80))


@pytest.mark.parametrize("width", [0, -3, 65, 100_000, 2.0, True])
def test_a_width_outside_its_range_is_refused(width: int):
    with pytest.raises(LimitError, match=f"^beam must be a whole number from 1 to 64, not {width}.$"):
        BeamSearch(lively(0), sentence(0), width, 0.6)


@pytest.mark.parametrize("alpha", [float("nan"), float("inf"), float("-inf"), 1e9, -0.1])
def test_an_alpha_outside_its_range_is_refused(alpha: float):
    with pytest.raises(
        LimitError, match=f"^alpha must be a number from 0 to 5, not {re.escape(str(alpha))}.$"
    ):
        BeamSearch(lively(0), sentence(0), 2, alpha)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_beam_of_one_is_greedy_exactly(dtype: torch.dtype):
    for seed, vocab_size in product(range(8), (7, 23)):
        model, src = lively(seed, dtype, vocab_size=vocab_size), sentence(seed, vocab_size)
        steps = greedily(model, src)
        for alpha in (ALPHAS[seed % 4], 5.0):
            assert list(searched(model, src, 1, alpha)[0].best.steps) == steps


@every_seed
def test_every_beam_equals_that_of_the_uncached_reference(seed: int):
    for width, alpha in ((2, 0.0), (3, 0.6), (3, 2.0), (5, 1.0)):
        model, src = lively(seed), sentence(seed)
        search, steps = searched(model, src, width, alpha)
        reference = naive_beam(model, src, width, alpha)
        nodes = nodes_by_id(steps)
        assert [[path(i, nodes) for i in step.beam] for step in steps] == [
            [h.ids for h in beam] for beam in reference
        ]
        assert [ids_of(h) for h in search.hypotheses] == [h.ids for h in reference[-1]]
        totals = [h.total for h in reference[-1]]
        assert [h.total for h in search.hypotheses] == pytest.approx(totals, abs=1e-10)
        assert search.best == search.hypotheses[0]


@pytest.mark.parametrize("positions", ENCODINGS)
def test_caches_follow_hypotheses_that_overtake_one_another(positions: str):
    crossed = 0
    for seed in range(8):
        model, src = lively(seed, positions=positions, n_layers=2), sentence(seed)
        search, steps = searched(model, src, 4, 0.6)
        nodes = nodes_by_id(steps)
        for before, after in zip(steps, steps[1:], strict=False):
            parents = [nodes[i].parent for i in after.beam if i in {n.id for n in after.nodes}]
            ranks = [before.beam.index(parent) for parent in parents]
            crossed += ranks != sorted(ranks)
        for hypothesis in search.hypotheses:
            ids = ids_of(hypothesis)
            forced = forced_log_probs(model, src, ids[:-1])[range(len(ids)), ids]
            assert [s.log_prob for s in hypothesis.steps] == pytest.approx(forced.tolist(), abs=1e-10)
    assert crossed >= 8, "hypotheses overtook too seldom to prove anything: choose other seeds"


@every_seed
def test_a_beam_wider_than_the_tree_finds_the_best_of_all_translations(seed: int):
    alpha = ALPHAS[seed % 4]
    model, src = lively(seed, vocab_size=6, max_tgt_len=3), sentence(seed, 6)
    words = range(3, 6)
    complete = [(*head, EOS) for n in range(3) for head in product(words, repeat=n)]
    complete += list(product(words, repeat=3))
    everything = []
    for ids in complete:
        rows = forced_log_probs(model, src, ids[:-1])
        everything.append(Naive(ids, rows[range(len(ids)), ids].sum().item()))
    optimum = max(everything, key=lambda h: h.score(alpha))
    search, _ = searched(model, src, len(everything), alpha)
    assert ids_of(search.best) == optimum.ids
    assert search.best.score == pytest.approx(optimum.score(alpha), abs=1e-10)
    assert len(search.hypotheses) == len(everything)


def test_a_wider_beam_finds_what_greedy_misses():
    gains = []
    for seed in range(10):
        model, src = lively(seed), sentence(seed)
        narrow, wide = searched(model, src, 1, 0.0)[0], searched(model, src, 8, 0.0)[0]
        gains.append(wide.best.score - narrow.best.score)
    assert max(gains) > 0.1


@every_seed
def test_a_finished_hypothesis_keeps_its_place_until_better_ones_push_it_out(seed: int):
    waited = 0
    for alpha, width in product((0.0, 0.6, 2.0), (2, 4, 8)):
        _, steps = searched(lively(seed), sentence(seed), width, alpha)
        nodes = nodes_by_id(steps)
        for before, after in zip(steps, steps[1:], strict=False):
            worst = min(nodes[i].score for i in after.beam)
            for i in before.beam:
                if nodes[i].token_id == EOS:
                    assert i in after.beam or nodes[i].score <= worst
                    waited += i in after.beam
                else:
                    assert i not in after.beam
    assert waited


def test_the_search_ends_when_every_place_is_finished_or_at_the_limit():
    ends = set()
    for seed, width in product(SEEDS, (1, 2, 4)):
        search, steps = searched(lively(seed), sentence(seed), width, 0.6)
        nodes = nodes_by_id(steps)
        all_finished = [all(nodes[i].token_id == EOS for i in step.beam) for step in steps]
        assert not any(all_finished[:-1])
        assert all_finished[-1] or len(steps) == LIVELY["max_tgt_len"]
        assert [h.finished for h in search.hypotheses] == [ids_of(h)[-1] == EOS for h in search.hypotheses]
        ends.add(all_finished[-1])
    assert ends == {True, False}


@every_seed
@pytest.mark.parametrize(("width", "alpha"), [(1, 0.6), (3, 0.0), (4, 0.6), (12, 1.0)])
def test_the_tree_of_a_beam_holds_together(seed: int, width: int, alpha: float):
    search, steps = searched(lively(seed), sentence(seed), width, alpha)
    nodes = nodes_by_id(steps)
    assert list(nodes) == list(range(len(nodes)))
    assert sum(len(step.nodes) for step in steps) == len(nodes)
    before: tuple[int, ...] = (-1,)
    for t, step in enumerate(steps):
        assert step.t == t
        assert 1 <= len(step.beam) <= width
        assert len(set(step.beam)) == len(step.beam)
        scores = [nodes[i].score for i in step.beam]
        assert scores == sorted(scores, reverse=True)
        assert step.needed == scores[-1]
        for node in step.nodes:
            assert node.t == t
            assert node.parent in before
            assert node.parent < node.id
            total = node.log_prob
            if node.parent >= 0:
                parent = nodes[node.parent]
                assert parent.kept
                assert parent.token_id != EOS
                assert parent.t == t - 1
                total += parent.total
            assert node.total == pytest.approx(total, abs=1e-12)
            assert node.score == pytest.approx(node.total / ((5 + t + 1) / 6) ** alpha, abs=1e-12)
            assert node.kept == (node.id in step.beam)
            assert node.finished == (node.token_id == EOS)
            reason = "finished" if node.finished else "kept"
            assert node.why == (reason if node.kept else f"below the best {width}")
            assert node.kept or node.score <= min(scores)
        before = step.beam
    assert tuple(h.node for h in search.hypotheses) == steps[-1].beam
    assert path(search.best.node, nodes) == ids_of(search.best)


@every_seed
@both_precisions
def test_the_winners_total_is_the_sum_of_its_steps_and_of_the_forced_pass(
    seed: int, dtype: torch.dtype, tolerance: float
):
    model, src = lively(seed, dtype), sentence(seed)
    search, _ = searched(model, src, 4, 0.6)
    ids = ids_of(search.best)
    forced = forced_log_probs(model, src, ids[:-1])[range(len(ids)), ids].sum().item()
    assert search.best.total == pytest.approx(sum(step.log_prob for step in search.best.steps), abs=1e-12)
    assert search.best.total == pytest.approx(forced, abs=tolerance)
    assert search.best.score == pytest.approx(search.best.total / length_penalty(len(ids), 0.6), abs=1e-12)


def test_beam_steps_list_the_alternatives_of_the_hypothesis_that_they_continue():
    model, src = lively(5, vocab_size=23), sentence(5, 23)
    search, _ = searched(model, src, 15, 0.6)
    for hypothesis in search.hypotheses:
        ids = ids_of(hypothesis)
        for step, row in zip(hypothesis.steps, forced_log_probs(model, src, ids[:-1]), strict=True):
            row[[PAD, BOS]] = -torch.inf
            assert [a.id for a in step.alternatives] == row.topk(N_ALTERNATIVES).indices.tolist()


# The limit


@pytest.mark.parametrize("limit", [0, -1, LIVELY["max_tgt_len"] + 1])
def test_a_limit_that_no_translation_has_is_refused(limit: int):
    with pytest.raises(ValueError, match=f"from 1 to 9, not {limit}"):
        BeamSearch(lively(0), sentence(0), 2, 0.6, limit=limit)


@every_seed
def test_a_limited_search_is_the_beginning_of_the_unlimited_one(seed: int):
    model, src = lively(seed), sentence(seed)
    _, steps = searched(model, src, 3, 0.6)
    for limit in (1, 2, 4, LIVELY["max_tgt_len"]):
        search, shorter = searched(model, src, 3, 0.6, limit=limit)
        assert shorter == steps[:limit]
        assert tuple(h.node for h in search.hypotheses) == shorter[-1].beam


def test_a_beam_that_never_finishes_stops_at_the_limit_unfinished():
    model = never_ending(0)
    for limit in (1, 3, None):
        search, steps = searched(model, sentence(0), 3, 0.6, limit=limit)
        assert len(steps) == (limit or LIVELY["max_tgt_len"])
        assert not search.best.finished
        assert {len(h.steps) for h in search.hypotheses if not h.finished} == {len(steps)}


# What was needed


@every_seed
def test_what_a_candidate_needed_is_the_score_of_the_references_last_place(seed: int):
    model, src = lively(seed), sentence(seed)
    _, steps = searched(model, src, 3, 0.6)
    reference = naive_beam(model, src, 3, 0.6)
    for step, beam in zip(steps, reference, strict=True):
        assert step.needed == pytest.approx(beam[-1].score(0.6), abs=1e-10)
        assert all(node.score <= step.needed for node in step.nodes if not node.kept)
        assert all(node.score >= step.needed for node in step.nodes if node.kept)


# Greedy's path


def test_greedys_path_is_greedys_translation_until_the_beam_drops_it():
    left, stayed = 0, 0
    for seed, width in product(range(10), (1, 2, 4)):
        model, src = lively(seed), sentence(seed)
        search, steps = searched(model, src, width, 0.6)
        path_, taken = search.greedy_path, greedily(model, src)
        assert [node.token_id for node in path_] == [step.id for step in taken[: len(path_)]]
        assert [node.log_prob for node in path_] == pytest.approx([s.log_prob for s in taken[: len(path_)]])
        assert [node.t for node in path_] == list(range(len(path_)))
        assert all(node.kept for node in path_[:-1])
        if path_[-1].kept:
            stayed += 1
            assert len(path_) in (len(taken), len(steps))
        else:
            left += 1
            assert width > 1
    assert left, "greedy always stays: choose other seeds"
    assert stayed, "greedy always leaves: choose other seeds"


# Rows: candidates and cross-attention


@pytest.mark.parametrize("positions", ENCODINGS)
def test_the_rows_of_the_search_are_those_of_the_forced_trace(positions: str):
    for seed in range(3):
        model, src = lively(seed, vocab_size=23, positions=positions, n_layers=2), sentence(seed, 23)
        watched = CrossAttention(model.anatomy)
        search, steps = searched(model, src, 4, 0.6, watched.edits)
        unwatched = searched(model, src, 4, 0.6)[1]
        nodes = nodes_by_id(steps)
        assert [step.beam for step in steps] == [step.beam for step in unwatched]
        scores = [node.score for node in nodes_by_id(unwatched).values()]
        assert [node.score for node in nodes.values()] == pytest.approx(scores, abs=1e-10)
        live = [ROOT, *(i for step in steps[:-1] for i in step.beam if nodes[i].t == step.t)]
        assert list(search.rows) == [i for i in live if i == ROOT or not nodes[i].finished]
        assert watched.rows.shape == (2, len(search.rows), len(src))
        for row, (parent, candidates) in enumerate(search.rows.items()):
            ids = path(parent, nodes) if parent != ROOT else ()
            trace = trace_of(model, tuple(src), (BOS, *ids))
            for layer in range(2):
                weights = trace[f"decoder.{layer}.cross_attn.weights"].value[:, -1].mean(0)
                assert watched.rows[layer, row].tolist() == pytest.approx(weights.tolist(), abs=1e-10)
            log_probs = forced_log_probs(model, src, ids)[-1]
            log_probs[[PAD, BOS]] = -torch.inf
            assert [token.id for token in candidates] == log_probs.topk(N_ALTERNATIVES).indices.tolist()
