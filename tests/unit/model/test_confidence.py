"""confidence.py: the threshold and its worth are what they say."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path

import pytest

from model import Glass, card, load
from model.confidence import (
    FEWEST,
    OFTEN,
    RIGHT,
    Tried,
    area_under_roc,
    by_source,
    judged,
    learnt_limits,
    least_sureness,
    main,
)
from model.doubt import rarest_word
from tests.helpers.tiny import BROKEN, PAIRS, tiny_glass, write_multi30k

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]


@pytest.fixture
def glass(tmp_path: Path) -> Glass:
    return tiny_glass(tmp_path / "en-de", learnt=True)


def tried(sure: float, poor: bool, length: int = 5, pieces: int = 1, everyday: bool = False) -> Tried:
    return Tried(everyday, sure, length, pieces, poor)


@pytest.mark.parametrize("seed", range(20))
def test_the_area_is_the_share_of_pairs_in_the_right_order(seed):
    chance = random.Random(seed)
    scores = [chance.choice([0.1, 0.2, 0.3, 0.4]) for _ in range(30)]
    positive = [True, False, *(chance.random() < 0.4 for _ in range(28))]
    above = [s for s, p in zip(scores, positive, strict=True) if p]
    below = [s for s, p in zip(scores, positive, strict=True) if not p]
    wins = sum((a > b) + (a == b) / 2 for a in above for b in below)
    assert area_under_roc(scores, positive) == pytest.approx(wins / (len(above) * len(below)), rel=1e-12)


def test_an_area_without_both_kinds_says_nothing():
    assert area_under_roc([1, 2], [True, True]) == area_under_roc([], []) == 0.5


def test_the_threshold_is_the_highest_that_is_right_often_enough_and_seldom_enough():
    n = 200
    found = [tried(i / n, poor=i < 25 or i % 3 == 0) for i in range(n)]
    least = least_sureness(found)
    below = [each for each in found if each.sureness < least]
    assert FEWEST <= len(below) <= OFTEN * n
    assert sum(each.poor for each in below) >= RIGHT * len(below)
    assert least == 40 / n


def test_where_no_threshold_is_right_often_enough_the_least_sure_twentieth_is_doubted():
    assert least_sureness([tried(i / 100, poor=False) for i in range(100)]) == 0.05


def test_what_a_threshold_is_worth_is_measured_on_the_other_half():
    n = 400
    choosing = [tried(i / n, poor=i < 60) for i in range(n)]
    measuring = [tried(i / n, poor=i < 30, everyday=True) for i in range(n)]
    result = judged([each for pair in zip(choosing, measuring, strict=True) for each in pair], 31, 4)
    assert result["least"] == 0.2
    assert (result["appears"], result["right"], result["caught"]) == (0.2, round(30 / 80, 3), 1.0)
    assert (result["longest"], result["pieces"], result["sentences"]) == (31, 4, 2 * n)
    assert result["auc_val"] == result["auc_everyday"] == 1.0
    assert card.confidence({"confidence": result}).least == 0.2


@pytest.mark.parametrize(("n_poor", "alone"), [(12, True), (6, False)])
def test_a_rare_word_is_reason_enough_only_where_it_was_right(n_poor, alone):
    rare = [tried(0.9, poor=i < n_poor, pieces=6) for i in range(20)]
    result = judged([*rare, *(tried(0.5, poor=False) for _ in range(40))], 31, 6)
    assert result["pieces_alone"] is alone


def test_lengths_and_pieces_are_counted_in_what_was_learnt(glass):
    texts = [src for src, _ in KNOWN]
    longest, pieces = learnt_limits(glass, [*texts, "", "word " * 500])
    assert longest <= max(len(glass.source_ids(text)) for text in texts)
    assert pieces == 1 + max(rarest_word(glass, glass.source_ids(text))[0] for text in texts)


def test_a_source_with_several_translations_is_tried_once():
    assert by_source([("a", "b"), ("c", "d"), ("a", "e")]) == {"a": ["b", "e"], "c": ["d"]}


def write_tatoeba(folder: Path, n: int) -> None:
    (folder / "tatoeba").mkdir(parents=True)
    with gzip.open(folder / "tatoeba" / "eng-deu.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"A man rides {i} red bikes.\tEin Mann fährt {i} rote Räder.\n" for i in range(n))


def test_the_figures_are_printed_and_with_card_written(learnt, tmp_path, capsys):
    folder = shutil.copytree(learnt, tmp_path / "en-de")
    data = tmp_path / "data"
    write_tatoeba(data, 1000)
    write_multi30k(data, "val", KNOWN)
    write_multi30k(data, "train", KNOWN)
    before = (folder / "card.json").read_bytes()
    options = [str(folder), "--data", str(data), "--limit", "15"]
    assert main(options) == 0
    assert (folder / "card.json").read_bytes() == before
    assert main([*options, "--card"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["sentences"] == len(KNOWN) + 15
    known = card.confidence(load(folder).card)
    assert (known.least, known.auc) == (result["least"], result["auc"])


def test_too_few_sentences_get_one_sentence(learnt, tmp_path, capsys):
    write_tatoeba(tmp_path, 10)
    write_multi30k(tmp_path, "val", KNOWN)
    write_multi30k(tmp_path, "train", KNOWN)
    assert main([str(learnt), "--data", str(tmp_path)]) == 2
    assert "too few to choose a threshold on" in capsys.readouterr().err
