"""The part "beam" of the decoding instrument: its tree is the search's, its rows are those of the trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model import card, checkpoint, load
from model.beam import ROOT, BeamSearch
from model.beam_example import examples
from model.card import Decoding, Trial
from model.glass import Glass, Translation
from tests.helpers import checkpoints
from tests.helpers.asked import decoding_numbers, decoding_refusal, first
from tests.helpers.messages import unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import N_LAYERS
from viz.instruments.decoding.parts.beam import about_alpha

TEXT = "Where is the station?"
CHOICES = [
    {},
    {"width": "1"},
    {"width": "3", "alpha": "0", "limit": "5"},
    {"width": "8", "alpha": "2.0"},
    {"width": "2", "alpha": "0.7", "limit": "1"},
]


def sent(glass: Glass, values: dict[str, str], beam: int = 1) -> tuple[dict, dict, Translation]:
    translation = glass.translate(TEXT, beam)
    trace = glass.trace(TEXT, translation)
    return *unpack(decoding_numbers("beam", (glass, trace, translation), **values)), translation


@torch.inference_mode()
def searched(glass: Glass, values: dict[str, str]) -> tuple[BeamSearch, list]:
    limit = int(values["limit"]) if "limit" in values else None
    alpha = float(values.get("alpha", glass.decoding.alpha))
    search = BeamSearch(glass.model, glass.source_ids(TEXT), int(values.get("width", 4)), alpha, None, limit)
    return search, list(search)


def path(arrays: dict[str, np.ndarray], node: int) -> list[int]:
    """Nodes from the first step to this one."""
    return [] if node == ROOT else [*path(arrays, int(arrays["parent"][node])), node]


every_choice = pytest.mark.parametrize("values", CHOICES, ids=str)


@every_choice
def test_the_tree_is_the_searchs(exact_glass, values):
    header, arrays, _ = sent(exact_glass, values)
    search, steps = searched(exact_glass, values)
    for name, attribute in (("parent", "parent"), ("step", "t"), ("token", "token_id"), ("kept", "kept"),
                            ("finished", "finished")):  # fmt: skip
        assert arrays[name].tolist() == [getattr(node, attribute) for node in search.nodes], name
    for name in ("log_prob", "total", "score"):
        expected = [getattr(node, name) for node in search.nodes]
        assert arrays[name].dtype == np.float32
        np.testing.assert_allclose(arrays[name], expected, rtol=SENT)
    np.testing.assert_allclose(arrays["needed"], [step.needed for step in steps], rtol=SENT)
    assert [tuple(i for i in beam if i != ROOT) for beam in arrays["beam"]] == [step.beam for step in steps]
    assert header["winner"] == search.best.node
    assert (header["width"], header["alpha"]) == (search.width, search.alpha)
    assert header["limit"] == search.limit


@every_choice
def test_every_score_can_be_recomputed_from_the_numbers_beside_it(exact_glass, values):
    header, arrays, _ = sent(exact_glass, values)
    for node, (total, score) in enumerate(zip(arrays["total"], arrays["score"], strict=True)):
        line = path(arrays, node)
        summed = arrays["log_prob"][line].sum(dtype=float)
        # All are of one sign, so that the roundings of the parts are a share of the sum, as is its own.
        assert total == pytest.approx(summed, rel=2 * SENT)
        assert score == pytest.approx(float(total) / ((5 + len(line)) / 6) ** header["alpha"], rel=2 * SENT)
        step = arrays["step"][node]
        assert arrays["kept"][node] == (node in arrays["beam"][step])
        assert score >= arrays["needed"][step] if arrays["kept"][node] else score <= arrays["needed"][step]


@every_choice
def test_a_rows_candidates_and_cross_attention_are_those_of_the_forced_trace(exact_glass, values):
    _, arrays, _ = sent(exact_glass, values)
    assert arrays["attention"].shape[:2] == (N_LAYERS, len(arrays["row"]))
    assert set(arrays["parent"]) == set(arrays["row"])
    for row, parent in enumerate(arrays["row"]):
        ids = arrays["token"][path(arrays, int(parent))].tolist()
        trace = exact_glass.trace(TEXT, ids)
        for layer in range(N_LAYERS):
            weights = trace[f"decoder.{layer}.cross_attn.weights"].value[:, len(ids)].mean(0)
            np.testing.assert_allclose(arrays["attention"][layer, row], weights, rtol=SENT)
        log_probs = torch.tensor(trace["output.logits"].value[len(ids)]).log_softmax(-1).numpy()
        log_probs[[exact_glass.config.pad_id, exact_glass.config.bos_id]] = -np.inf
        assert arrays["cand_ids"][row].tolist() == np.argsort(-log_probs, kind="stable")[:10].tolist()
        np.testing.assert_allclose(arrays["cand_log_probs"][row], np.sort(-log_probs)[:10] * -1, rtol=SENT)
    assert np.abs(arrays["attention"].sum(-1, dtype=float) - 1).max() <= SENT


@pytest.mark.parametrize("beam", [1, 3])
@every_choice
def test_greedy_stands_beside_the_winner_however_the_page_decodes(exact_glass, values, beam):
    header, arrays, _ = sent(exact_glass, values, beam)
    taken = exact_glass.translate(TEXT).steps[: header["limit"]]
    greedy = header["greedy"]
    assert greedy["ids"] == [step.id for step in taken]
    assert greedy["log_prob"] == pytest.approx(sum(step.log_prob for step in taken))
    assert greedy["finished"] == (greedy["ids"][-1] == exact_glass.config.eos_id)
    assert arrays["token"][greedy["path"]].tolist() == greedy["ids"][: len(greedy["path"])]
    assert greedy["path"] == path(arrays, greedy["path"][-1])
    last = greedy["path"][-1]
    assert greedy["left"] == (None if arrays["kept"][last] else arrays["step"][last])


def test_every_token_that_is_sent_has_its_text(small_glass):
    header, arrays, _ = sent(small_glass, {"width": "8"})
    ids = {*arrays["token"].tolist(), *arrays["cand_ids"].flat, *header["greedy"]["ids"]}
    assert header["tokens"] == {str(i): small_glass.tokenizer.readable(i) for i in sorted(ids)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"width": "0"}, "width must be a whole number from 1 to 8, not 0."),
        ({"width": "9"}, "width must be a whole number from 1 to 8, not 9."),
        ({"width": "wide"}, "width must be a whole number from 1 to 8, not wide."),
        ({"alpha": "5.1"}, "alpha must be a number from 0 to 5, not 5.1."),
        ({"alpha": "nan"}, "alpha must be a number from 0 to 5, not nan."),
        ({"limit": "0"}, "limit must be a whole number from 1 to 12, not 0."),
        ({"limit": "13"}, "limit must be a whole number from 1 to 12, not 13."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(small_glass, values, said):
    translation = small_glass.translate(TEXT)
    page = small_glass, small_glass.trace(TEXT, translation), translation
    assert decoding_refusal("beam", page, **values) == said


def test_the_widest_beam_of_the_longest_translation_fits_into_a_message(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", 4, 4, d_model=128, max_tgt_len=60))
    with torch.no_grad():
        glass.model.embedding.weight[glass.config.eos_id] = 0
    text = checkpoints.text_of(glass, 20)
    translation = glass.translate(text)
    body = decoding_numbers("beam", (glass, glass.trace(text, translation), translation), width=8)
    header, arrays = unpack(body)
    assert arrays["needed"].shape == (60,)
    assert not arrays["finished"][header["winner"]]
    assert len(body) <= 400_000


@pytest.mark.parametrize("name", checkpoint.names())
def test_the_beam_beats_greedy_on_the_example_of_a_shipped_card(name):
    glass = load(name)
    text = card.beam_example(glass.card)
    (found,) = examples(glass, [(text, "")], 4)
    assert found.gain > 0
    assert found.beam != found.greedy


def test_the_example_comes_from_the_card(small_glass, monkeypatch):
    assert sent(small_glass, {})[0]["example"] is None
    monkeypatch.setattr(small_glass, "card", {"beam_example": "A dog runs."})
    assert sent(small_glass, {})[0]["example"] == "A dog runs."


TRIED = (Trial(0.6, 38.7, 61.7, 0.85), Trial(1.8, 39.5, 62.7, 0.89))


def test_the_sentence_about_alpha_has_the_cards_figures():
    text = about_alpha(Decoding(4, 1.8, "val, 1,014 sentences", TRIED))
    assert "on val, 1,014 sentences 1.8 gives BLEU 39.5 and 0.89 tokens" in text
    assert text.endswith("0.6 38.7 and 0.85: too short.")
    assert about_alpha(Decoding(4, 1.4, "val", TRIED)).endswith("The page uses 1.4.")
    assert about_alpha(Decoding()).endswith("The page uses 1.")


@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_page_knows_where_greedy_parts_from_the_beam(small_glass, width):
    translation = small_glass.translate(TEXT, width)
    header, _ = unpack(first("decoding", (small_glass, small_glass.trace(TEXT, translation), translation)))
    if width == 1:
        assert header["greedy"] is None
        return
    greedy = [step.id for step in small_glass.translate(TEXT).steps]
    taken = [step.id for step in translation.steps]
    parts = header["greedy"]["parts"]
    assert header["greedy"]["ids"] == greedy
    assert (
        taken == greedy
        if parts is None
        else taken[:parts] == greedy[:parts] and taken[parts] != greedy[parts]
    )
