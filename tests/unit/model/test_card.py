"""card.py: a card is read as it was written; whatever else stands there reads as not said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import card, load
from model.card import Confidence, Decoding, Example, Trial
from tests.helpers.tiny import tiny_checkpoint

pytestmark = pytest.mark.once

TRIED = {"alpha": 0.6, "bleu_lc": 39.1, "chrf": 62.5, "length": 0.97}
GOOD = {
    "decoding": {"beam": 4, "alpha": 1.4, "chosen_on": "val, 1,014 sentences", "tried": [TRIED]},
    "examples": [
        {
            "text": "I love you.",
            "accept": ["Ich liebe dich.", "Ich liebe euch."],
            "origin": "corpus",
            "corpus": "Tatoeba",
        },
        {"text": "Hello!", "accept": []},
    ],
    "beam_example": "A dog running through deep snow.",
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=6,
)
NAMES = (
    "beam",
    "alpha",
    "chosen_on",
    "tried",
    "text",
    "accept",
    "origin",
    "corpus",
    "bleu_lc",
    "chrf",
    "length",
)
NEARLY = st.dictionaries(
    st.sampled_from(NAMES), ANYTHING | st.lists(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
)


def test_a_card_is_read_as_it_was_written():
    trial = Trial(0.6, 39.1, 62.5, 0.97)
    assert card.decoding(GOOD) == Decoding(4, 1.4, "val, 1,014 sentences", (trial,))
    love = Example("I love you.", ("Ich liebe dich.", "Ich liebe euch."), "corpus", "Tatoeba")
    assert card.examples(GOOD) == (love, Example("Hello!", (), "ours"))
    assert card.beam_example(GOOD) == "A dog running through deep snow."


CONFIDENT = {
    "least": 0.5, "longest": 31, "pieces": 4, "pieces_alone": True, "appears": 0.1, "right": 0.6, "auc": 0.8,
    "poor_below": 40.0,
}  # fmt: skip


def test_confidence_is_read_as_it_was_written_and_only_whole():
    assert card.confidence({"confidence": CONFIDENT}) == Confidence(**CONFIDENT)
    for name in set(CONFIDENT) - {"pieces_alone"}:
        for value in (None, "x", -1, True, float("nan")):
            assert card.confidence({"confidence": CONFIDENT | {name: value}}) is None, name
    assert card.confidence({}) is None


@pytest.mark.parametrize("name", ["longest", "pieces"])
def test_tokens_are_counted_in_whole_numbers(name):
    assert card.confidence({"confidence": CONFIDENT | {name: 30.0}}) is not None
    assert card.confidence({"confidence": CONFIDENT | {name: 30.5}}) is None


@pytest.mark.parametrize(
    ("name", "pair"), [("en-fr", ("en", "fr")), (None, ("en", "de")), ([1], ("en", "de")), ("x", ("x", ""))]
)
def test_languages_are_those_of_the_cards_name(name, pair):
    assert card.languages({"name": name}, "en-de") == pair


def test_an_empty_card_decodes_greedily_and_has_no_examples():
    assert card.decoding({}) == Decoding(beam=1, alpha=1.0)
    assert card.examples({}) == ()
    assert card.beam_example({}) is None


@pytest.mark.parametrize("beam", [0, -1, 9, 2.5, True, "4", None, [4], float("nan"), 10**400])
def test_a_beam_that_the_page_cannot_show_is_not_taken(beam):
    assert card.decoding({"decoding": {"beam": beam, "alpha": 0.6}}) == Decoding(1, 0.6)


@pytest.mark.parametrize("alpha", [-0.1, 2.1, True, "1", None, {}, float("nan"), float("inf"), 10**400])
def test_an_alpha_that_the_page_cannot_show_is_not_taken(alpha):
    assert card.decoding({"decoding": {"beam": 4, "alpha": alpha}}) == Decoding(4, 1.0)


def test_an_example_twice_counts_once_and_one_without_text_not_at_all():
    said = [{"text": "a"}, {"text": " a ", "accept": ["b"]}, {"text": " "}, {"text": 3}, "a", {}]
    assert card.examples({"examples": said}) == (Example("a", ()),)


@given(ANYTHING | NEARLY | st.lists(NEARLY))
def test_whatever_stands_in_a_card_it_can_be_shown(said):
    written = dict.fromkeys([*GOOD, "confidence"], said)
    decoding = card.decoding(written)
    assert 1 <= decoding.beam <= card.WIDEST_BEAM
    assert 0 <= decoding.alpha <= card.HIGHEST_ALPHA
    for example in card.examples(written):
        assert example.text.strip()
        assert example.origin in card.ORIGINS
        json.dumps([example.text, *example.accept], ensure_ascii=False).encode()
    assert card.beam_example(written) != ""
    known = card.confidence(written)
    assert known is None or 0 <= known.least <= 1 <= known.poor_below + 1


def test_a_model_translates_with_the_alpha_of_its_card(tmp_path):
    folder = tiny_checkpoint(tmp_path / "en-de")
    written = json.loads((folder / "card.json").read_text()) | {"decoding": {"beam": 3, "alpha": 0.2}}
    (folder / "card.json").write_text(json.dumps(written))
    glass = load(folder)
    assert glass.translate("A man rides.", 3).alpha == 0.2
    assert glass.translate("A man rides.", 3) == glass.translate("A man rides.", 3, 0.2)
    assert glass.translate("A man rides.", 3, 1.7).alpha == 1.7
