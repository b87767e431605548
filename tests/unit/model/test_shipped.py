"""The checkpoints of this repository: they load, their cards hold their scores, and they translate."""

from __future__ import annotations

import json

import pytest

from model import load
from model.checkpoint import ROOT

LEAST = {"en-de": 40.0, "en-fr": 60.0}
SAYS = {
    "en-de": {
        "I love you.": "Ich liebe dich.",
        "A dog bites a man.": "Ein Hund beißt einen Mann.",
    },
    "en-fr": {
        "I love you.": "Je t'aime.",
        "Where is the station?": "Où est la gare ?",
        "The woman in the red dress is dancing.": "La femme en robe rouge danse.",
        "She reads a book and drinks tea.": "Elle lit un livre et boit du thé.",
    },
}


@pytest.mark.parametrize("name", LEAST)
def test_the_card_holds_the_scores_that_the_readme_promises_and_the_parameters_of_the_model(name):
    card = json.loads((ROOT / name / "card.json").read_text())
    scores = [
        score
        for score in card["scores"].values()
        if score.get("split") == "test_2016_flickr" and "bleu_lc" in score
    ]
    assert scores
    assert all(score["bleu_lc"] >= LEAST[name] for score in scores)
    assert card["parameters"] == sum(weight.numel() for weight in load(name).model.parameters())
    assert card["seed"] == 1
    assert card["command"]
    assert card["commit"]


@pytest.mark.parametrize("name", SAYS)
def test_everyday_sentences_and_captions_are_translated(name):
    glass = load(name)
    assert {text: glass.translate(text, beam=5).text for text in SAYS[name]} == SAYS[name]
