"""decoding.py against naive uncached references written here: loops over the model's full forward pass."""

import math
from dataclasses import dataclass
from itertools import product

import pytest
import torch
from torch import Tensor

from model.beam import BeamSearch, BeamStep, Hypothesis, Node, length_penalty
from model.config import NORMS
from model.decoding import N_ALTERNATIVES, Edits, Incremental, Step, greedy
from model.positions import ENCODINGS
from model.transformer import Transformer
from tests.unit.model.small import all_real, small_model, trace_of

PAD, BOS, EOS = 0, 1, 2
ALPHAS = (0.0, 0.6, 1.0, 2.0)
SEEDS = range(6)
LIVELY = {"vocab_size": 7, "d_model": 8, "n_heads": 2, "d_ff": 12, "max_src_len": 8, "max_tgt_len": 9}
"""Few tokens: the end comes up often, hypotheses cross and finish at different lengths."""


def lively(seed: int, dtype: torch.dtype = torch.float64, **changes: object) -> Transformer:
    return small_model(seed, dtype, **(LIVELY | changes))


def sentence(seed: int, vocab_size: int = 7) -> list[int]:
    generator = torch.Generator().manual_seed(100 + seed)
    length = int(torch.randint(1, 7, (), generator=generator))
    return [*torch.randint(3, vocab_size, (length,), generator=generator).tolist(), EOS]


def next_log_probs(
    model: Transformer, src: list[int], ids: tuple[int, ...], edits: Edits | None = None
) -> Tensor:
    """log P (vocab,) of the token after `ids`, by the whole forward pass, over the whole vocabulary."""
    return forced_log_probs(model, src, ids, edits)[-1]


def forced_log_probs(
    model: Transformer, src: list[int], ids: tuple[int, ...], edits: Edits | None = None
) -> Tensor:
    """log P (row, vocab) of every row of one forced pass that reads the start token and `ids`."""
    if edits:
        trace = trace_of(model, tuple(src), (BOS, *ids), edits=edits)
        return torch.tensor(trace["output.logits"].value).log_softmax(-1)
    with torch.inference_mode():
        src_ids, tgt_ids = torch.tensor([src]), torch.tensor([[BOS, *ids]])
        rows = model(src_ids, tgt_ids, all_real(src_ids))[0].log_softmax(-1)
    return rows.clone()


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


@torch.inference_mode()
def searched(
    model: Transformer, src: list[int], width: int, alpha: float, edits: Edits | None = None
) -> tuple[BeamSearch, list[BeamStep]]:
    search = BeamSearch(model, src, width, alpha, edits)
    return search, list(search)


@torch.inference_mode()
def greedily(model: Transformer, src: list[int], edits: Edits | None = None) -> list[Step]:
    return list(greedy(model, src, edits))


def ids_of(hypothesis: Hypothesis) -> tuple[int, ...]:
    return tuple(step.id for step in hypothesis.steps)


def nodes_by_id(steps: list[BeamStep]) -> dict[int, Node]:
    return {node.id: node for step in steps for node in step.nodes}


def path(node_id: int, nodes: dict[int, Node]) -> tuple[int, ...]:
    """Token ids from the root to a node."""
    node = nodes[node_id]
    return (*(path(node.parent, nodes) if node.parent >= 0 else ()), node.token_id)


every_seed = pytest.mark.parametrize("seed", SEEDS)
every_kind = pytest.mark.parametrize("positions, norm", list(product(ENCODINGS, NORMS)))
both_precisions = pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-4)], ids=["float64", "float32"]
)


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


def never_ending(seed: int, **changes: object) -> Transformer:
    """A model whose end token has a vector of length zero, hence a logit that stays below the best."""
    model = lively(seed, **changes)
    with torch.no_grad():
        model.embedding.weight[EOS] = 0
    return model


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


# Beam search


def test_length_penalty_is_that_of_wu_et_al_2016():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 1.0) == 2
    assert length_penalty(13, 2.0) == 9
    assert length_penalty(19, 0.5) == 2
    assert all(length_penalty(n, 0.0) == 1 for n in range(80))


@pytest.mark.parametrize("width", [0, -3])
def test_a_beam_without_places_is_refused(width: int):
    with pytest.raises(ValueError, match=f"width of at least 1, not {width}"):
        BeamSearch(lively(0), sentence(0), width, 0.6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_beam_of_one_is_greedy_exactly(dtype: torch.dtype):
    for seed, vocab_size in product(range(8), (7, 23)):
        model, src = lively(seed, dtype, vocab_size=vocab_size), sentence(seed, vocab_size)
        steps = greedily(model, src)
        for alpha in (ALPHAS[seed % 4], -1.0):
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
    model, src = lively(seed, vocab_size=6, max_tgt_len=4), sentence(seed, 6)
    words = range(3, 6)
    complete = [(*head, EOS) for n in range(4) for head in product(words, repeat=n)]
    complete += list(product(words, repeat=4))
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
@pytest.mark.parametrize("width, alpha", [(1, 0.6), (3, 0.0), (4, 0.6), (12, 1.0)])
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
        for node in step.nodes:
            assert node.t == t
            assert node.parent in before
            assert node.parent < node.id
            total = node.log_prob
            if node.parent >= 0:
                parent = nodes[node.parent]
                assert parent.kept and parent.token_id != EOS and parent.t == t - 1
                total += parent.total
            assert node.total == pytest.approx(total, abs=1e-12)
            assert node.score == pytest.approx(node.total / ((5 + t + 1) / 6) ** alpha, abs=1e-12)
            assert node.kept == (node.id in step.beam)
            reason = "finished" if node.token_id == EOS else "kept"
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
    assert greedily(model, src, edits) == greedily(model, src)
    assert set(seen) == {(1, 2, 1, len(src))}


def test_an_edit_of_the_logits_decides_what_is_chosen():
    model, src = lively(1), sentence(1)

    def only_five(value: Tensor, parents: dict[str, Tensor]) -> Tensor:
        return value + torch.eye(value.shape[-1], dtype=value.dtype)[5] * 100

    steps = greedily(model, src, {"output.logits": only_five})
    assert {step.id for step in steps} == {5}
    assert len(steps) == LIVELY["max_tgt_len"]
