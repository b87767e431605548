"""examples.py: a card's examples are sentences that its model translates rightly, however it decodes."""

from __future__ import annotations

import json

import pytest

from model import card, checkpoint, examples, load
from model.examples import CANDIDATES, Candidate, example, is_right, main, said, spelled_out
from model.text import read
from tests.helpers.tiny import PAIRS

pytestmark = pytest.mark.once

KNOWN = [Candidate(src, [tgt], [tgt]) for src, tgt in PAIRS[:8]]
LIED = Candidate("I love you.", ["Ich hasse dich."], ["Je te déteste."])
SHIPPED = checkpoint.names()


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "CANDIDATES", (LIED, *KNOWN))


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("a", ["a"]),
        ("[a|b] c", ["a c", "b c"]),
        ("a[,|] [b|c].", ["a, b.", "a, c.", "a b.", "a c."]),
    ],
)
def test_a_pattern_stands_for_every_choice(pattern, texts):
    assert list(spelled_out(pattern)) == texts


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.text)
@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_candidate_accepts_whole_sentences_each_once(candidate, language):
    accept = example(candidate, language).accept
    assert accept
    assert len(set(accept)) == len(accept)
    for text in (candidate.text, *accept):
        assert text == read(text)
        assert text[-1] in ".?"
        assert text[0].isupper()
        assert not set("[]|") & set(text)
        assert " ." not in text
        assert " ," not in text


def test_right_is_what_is_accepted_by_all_ways_to_decode():
    each = card.Example("Hi!", ("Hallo!", "Où ?"))
    assert is_right(each, ["Hallo!", "Hallo!"])
    assert is_right(each, ["Où\u202f?"])
    assert not is_right(each, ["Hallo!", "Hallo."])


def test_the_first_six_that_are_right_go_into_the_card(folder, candidates, capsys):
    before = json.loads((folder / "card.json").read_text())
    assert main([str(folder), "--card"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wrong\tI love you.\tIch liebe dich.\tIch liebe dich."
    assert [line.partition("\t")[0] for line in lines[1:-1]] == ["right"] * len(KNOWN)
    texts = [candidate.text for candidate in KNOWN[:6]]
    assert json.loads(lines[-1]) == {"model": "en-de", "right": 8, "of": 9, "examples": texts}
    after = load(folder).card
    assert [each.text for each in card.examples(after)] == texts
    assert {name: after[name] for name in before} == before


def test_without_card_the_checkpoint_stays_as_it_is(folder, candidates):
    before = (folder / "card.json").read_bytes()
    assert main([str(folder)]) == 0
    assert (folder / "card.json").read_bytes() == before


def test_a_language_without_candidates_and_a_missing_checkpoint_get_one_sentence(folder, capsys):
    assert main([str(folder), "--pair", "en-xx"]) == 2
    assert capsys.readouterr().err == "There are no candidates for xx: only for de and fr.\n"
    assert main(["no-such-model"]) == 2
    assert capsys.readouterr().err.startswith("There is no checkpoint 'no-such-model'")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_has_six_examples_that_its_model_translates_rightly_both_ways(name):
    glass = load(name)
    found = card.examples(glass.card)
    assert len(found) == examples.N_EXAMPLES
    assert {
        each.text: said(glass, each.text) for each in found if not is_right(each, said(glass, each.text))
    } == {}
    assert glass.decoding.beam > 1
