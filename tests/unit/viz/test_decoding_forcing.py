"""decoding/forcing: the reference's numbers are those of the trace of exactly that reference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import checkpoints
from tests.helpers.asked import answer, decoding_numbers, decoding_refusal
from tests.helpers.messages import unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import TEXTS
from viz.instruments.decoding.parts.forcing import MODEL, TYPED

REFERENCE = "Wo ist der große Hund?"


def asked_for(asked, **values):
    return unpack(decoding_numbers("forcing", asked, **values))


def log_softmax(logits):
    logits = logits.astype(np.float64)
    return (
        logits
        - logits.max(-1, keepdims=True)
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
    )


@pytest.fixture(scope="module")
def roomy(tmp_path_factory):
    """Room for 30 target tokens; float64, for one pass and single steps add in another order."""
    return checkpoints.exact(
        checkpoints.make(tmp_path_factory.mktemp("roomy"), "roomy", 3, 2, max_tgt_len=30)
    )


@pytest.fixture(scope="module", params=[*TEXTS.values(), "a"], ids=[*TEXTS, "one letter"])
def asked(request, roomy):
    return answer(roomy, request.param)


@pytest.fixture(scope="module")
def plain(roomy):
    return answer(roomy)


@pytest.mark.parametrize("reference", [REFERENCE, "<b>x</b>", "👩‍👩‍👧 rennt", "שלום"])
def test_every_step_has_the_numbers_of_the_references_own_trace(asked, reference):
    glass, _, translation = asked
    header, arrays = asked_for(asked, reference=f" {reference} ")
    trace = glass.trace(translation.source, reference)
    ids = [*glass.target_ids(reference), glass.config.eos_id]
    log_probs = log_softmax(trace["output.logits"].value)
    own = log_probs[np.arange(len(ids)), ids]
    assert header["reference"] == reference and header["origin"] == TYPED
    assert arrays["ids"].tolist() == ids
    assert np.allclose(arrays["log_probs"], own, rtol=SENT, atol=0)
    assert np.allclose(arrays["step_log_probs"], own, rtol=SENT, atol=0)
    logits = trace["output.logits"].value
    assert arrays["ranks"].tolist() == [
        1 + int((row > row[i]).sum()) for row, i in zip(logits, ids, strict=True)
    ]
    assert arrays["best_ids"].tolist() == logits.argmax(-1).tolist()
    assert np.allclose(arrays["best_log_probs"], log_probs.max(-1), rtol=SENT, atol=0)
    shown = {*arrays["ids"].tolist(), *arrays["best_ids"].tolist(), *arrays["own_ids"].tolist()}
    assert header["tokens"] == {str(i): glass.tokenizer.readable(i) for i in shown}


@pytest.mark.parametrize("beam", [1, 3])
def test_the_free_lane_is_greedy_whatever_the_page_shows(roomy, beam):
    asked = answer(roomy, beam=beam)
    header, arrays = asked_for(asked, reference=REFERENCE)
    greedy = roomy.translate(asked[2].source)
    assert arrays["own_ids"].tolist() == [step.id for step in greedy.steps]
    assert arrays["own_log_probs"].tobytes() == np.float32([s.log_prob for s in greedy.steps]).tobytes()
    assert (header["own_text"], header["own_finished"]) == (greedy.text, greedy.finished)


def test_the_one_pass_and_the_steps_are_computed_apart(plain, monkeypatch):
    from viz.instruments.decoding.parts import forcing

    monkeypatch.setattr(
        forcing, "step_by_step", lambda model, src, reads: forcing.one_pass(model, src, reads) + 1
    )
    _, arrays = asked_for(plain, reference=REFERENCE)
    assert np.allclose(arrays["step_log_probs"], arrays["log_probs"] + 1, rtol=4 * SENT, atol=0)


def test_without_a_reference_the_models_own_translation_is_scored(asked):
    _, _, translation = asked
    header, arrays = asked_for(asked)
    assert header["origin"] == MODEL and header["reference"] == translation.text
    assert arrays["ids"].tolist() == [step.id for step in translation.steps]
    assert np.allclose(arrays["log_probs"], arrays["own_log_probs"], rtol=2 * SENT, atol=0)


EXAMPLE = {"text": "Where is the station?", "accept": ["Wo ist der Bahnhof?", "Wo?"], "origin": "corpus"}


def test_an_example_of_the_card_has_its_first_right_translation_as_reference(plain, monkeypatch):
    glass, trace, _ = plain
    monkeypatch.setattr(glass, "card", {"examples": [EXAMPLE]})
    header, arrays = asked_for((glass, trace, glass.translate(EXAMPLE["text"])))
    assert (header["reference"], header["origin"]) == ("Wo ist der Bahnhof?", "corpus")
    assert arrays["ids"].tolist() == [*glass.target_ids("Wo ist der Bahnhof?"), glass.config.eos_id]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "from the corpus"),
        ({"corpus": "Tatoeba"}, "from the corpus (Tatoeba)"),
        ({"origin": "ours", "corpus": "Tatoeba"}, "our own translation"),
    ],
)
def test_a_reference_says_whose_it_is_as_its_card_does(plain, monkeypatch, changes, said):
    glass, trace, _ = plain
    monkeypatch.setattr(glass, "card", {"examples": [EXAMPLE | changes]})
    header, _ = asked_for((glass, trace, glass.translate(EXAMPLE["text"])))
    assert header["said"] == said


def test_an_example_typed_otherwise_has_its_reference(plain, monkeypatch):
    glass, trace, _ = plain
    monkeypatch.setattr(glass, "card", {"examples": [EXAMPLE]})
    header, _ = asked_for((glass, trace, glass.translate("Where\u00a0is the sta\u200btion?")))
    assert header["reference"] == "Wo ist der Bahnhof?"


def test_a_reference_is_read_as_it_looks(plain):
    typed, shown = (
        asked_for(plain, reference=text) for text in (" Zwei\u00a0\u201eHu\u00adnde\u201c", 'Zwei "Hunde"')
    )
    assert typed[0]["reference"] == shown[0]["reference"] == 'Zwei "Hunde"'
    assert typed[1]["ids"].tolist() == shown[1]["ids"].tolist()


@pytest.mark.parametrize("accept", [["Wo ist der " + "große " * 30 + "Bahnhof?"], []])
def test_an_example_whose_reference_does_not_fit_is_scored_with_the_models_own_words(
    plain, monkeypatch, accept
):
    glass, trace, _ = plain
    monkeypatch.setattr(glass, "card", {"examples": [EXAMPLE | {"accept": accept}]})
    header, _ = asked_for((glass, trace, glass.translate(EXAMPLE["text"])))
    assert header["origin"] == MODEL


def test_an_empty_reference_and_one_too_long_get_a_sentence(plain):
    said = decoding_refusal("forcing", plain, reference="  ")
    assert said == "The reference is empty: type some words."
    said = decoding_refusal("forcing", plain, reference="Hund " * 100)
    assert said.startswith("The reference has") and "this model takes at most 30" in said


def test_the_longest_reference_fits(plain):
    glass = plain[0]
    ids = glass.tokenizer.encode("Hund " * 100)[: glass.config.max_tgt_len - 1]
    _, arrays = asked_for(plain, reference=glass.tokenizer.decode(ids))
    assert len(arrays["ids"]) <= glass.config.max_tgt_len
    assert arrays["ids"][-1] == glass.config.eos_id
