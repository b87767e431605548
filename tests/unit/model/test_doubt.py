"""doubt.py: a doubt names the figure that raised it, and the limit that it passed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from model import Glass
from model.doubt import Doubt, doubts, rarest_word, sureness
from tests.helpers.tiny import BROKEN, PAIRS, tiny_glass

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]
SURE = {
    "least": 0.0, "longest": 1000, "pieces": 1000, "pieces_alone": False,
    "appears": 0.1, "right": 0.6, "auc": 0.8, "poor_below": 40.0,
}  # fmt: skip
TEXT = KNOWN[0][0]


@pytest.fixture
def glass(tmp_path: Path) -> Glass:
    return tiny_glass(tmp_path / "en-de", learnt=True)


def doubts_by(glass: Glass, text: str = TEXT, **said: object) -> tuple[Doubt, ...]:
    glass.card = {"confidence": SURE | said}
    return doubts(glass, glass.translate(text))


def test_sureness_is_the_geometric_mean_of_the_probabilities_taken(glass):
    out = glass.translate(TEXT)
    product = math.prod(math.exp(step.log_prob) for step in out.steps)
    assert sureness(out) == pytest.approx(product ** (1 / len(out.steps)), rel=1e-9)


def test_no_figure_passed_and_no_card_mean_no_doubt(glass):
    assert doubts_by(glass) == ()
    glass.card = {}
    assert doubts(glass, glass.translate(TEXT)) == ()


def test_each_figure_raises_its_own_doubt(glass):
    out = glass.translate(TEXT)
    pieces, word = rarest_word(glass, out.src_ids)
    low, long = Doubt("sureness", sureness(out), 1.0), Doubt("length", len(out.src_ids), 3)
    rare = Doubt("pieces", pieces, pieces, word)
    assert doubts_by(glass, least=1.0) == (low,)
    assert doubts_by(glass, longest=3) == (long,)
    assert doubts_by(glass, pieces=pieces) == ()
    assert doubts_by(glass, pieces=pieces, pieces_alone=True) == (rare,)
    assert doubts_by(glass, pieces=pieces, least=1.0) == (low, rare)


def test_the_rarest_word_is_the_one_of_most_pieces(glass):
    text = "A man Xyzzyqq rides."
    pieces, word = rarest_word(glass, glass.source_ids(text))
    assert word == "Xyzzyqq"
    assert pieces >= 5
