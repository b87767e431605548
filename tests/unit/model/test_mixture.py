"""mixture.py: what an epoch draws, and the corpora as the model reads them."""

import gzip

import pytest

from model.data import SHORT, DataError
from model.mixture import Corpora, epoch_pairs, languages, read_back_translated, tokenizer_texts, walk

pytestmark = pytest.mark.once

CAPTIONS = [(f"A caption {n}a.", f"Ein Bild {n}a.") for n in range(10)]
EVERYDAY = [(f"Day {n}b is here.", f"Tag {n}b ist da.") for n in range(30)]
BACK = [(f"Some thing {n}c.", f"Ein Ding {n}c.") for n in range(7)]
CORPORA = Corpora(CAPTIONS, EVERYDAY, [], [], BACK)


def drawn(epoch=0, counts=(12, 3, 5), seed=1):
    return epoch_pairs(CORPORA, counts, 0.0, "de", seed, epoch)


def numbers(pairs, letter):
    words = [word.strip('.",:') for _, tgt in pairs for word in tgt.split()]
    return sorted(word for word in words if word[:1].isdigit() and word[-1] == letter)


def test_an_epoch_holds_every_caption_once():
    assert numbers(drawn(), "a") == sorted(f"{n}a" for n in range(10))


def test_an_epoch_holds_as_many_everyday_pairs_as_asked_for():
    assert len(numbers(drawn(counts=(12, 3, 0)), "b")) == 12


def test_short_everyday_pairs_come_besides():
    assert len(numbers(drawn(counts=(0, 0, 5)), "b")) == 5
    assert all(len(src.split()) <= SHORT for src, _ in CORPORA.short)


def test_an_epoch_holds_as_many_back_translated_pairs_as_asked_for():
    assert len(numbers(drawn(), "c")) == 3


def test_an_epoch_repeats_with_its_seed():
    assert drawn() == drawn()


def test_epochs_differ():
    assert drawn(0) != drawn(1)


def test_targets_stay_as_people_wrote_them_but_for_who_said_it():
    known = {tgt.rstrip(".") for _, tgt in CAPTIONS + EVERYDAY + BACK}
    assert all(any(text in tgt for text in known) for _, tgt in drawn())


@pytest.mark.parametrize("n", [1, 4, 7, 10, 23])
def test_a_walk_meets_every_pair_before_any_comes_again(n):
    laps = [pair for epoch in range(10) for pair in walk(CAPTIONS, n, 1, epoch)]
    for start in range(0, len(laps) - 9, 10):
        assert sorted(laps[start : start + 10]) == sorted(CAPTIONS)


def test_a_walk_over_nothing_is_empty():
    assert walk([], 5, 1, 0) == []


@pytest.mark.parametrize("name", ["english", "-de", "en-", ""])
def test_a_name_without_two_languages_is_refused(name):
    with pytest.raises(DataError, match="A model's name is its language pair"):
        languages(name)


def test_the_tokenizer_sees_capitals_and_small_first_words():
    texts = tokenizer_texts([("Two dogs.", "Zwei Hunde.")])
    assert {"Two dogs.", "Zwei Hunde.", "two", "TWO DOGS."} == set(texts)


def test_back_translated_pairs_are_read_less_empty_ones(tmp_path):
    path = tmp_path / "pairs.gz"
    path.write_bytes(gzip.compress(b"A dog.\tEin Hund.\n\tLeer.\n"))
    assert read_back_translated(path) == [("A dog.", "Ein Hund.")]


def test_a_back_translated_line_without_two_columns_is_named(tmp_path):
    path = tmp_path / "pairs.gz"
    path.write_bytes(gzip.compress(b"A dog.\tEin Hund.\nalone\n"))
    with pytest.raises(DataError, match=r"pairs\.gz, line 2: expected two columns"):
        read_back_translated(path)


def test_an_epoch_imitates_people_in_every_way():
    """Other names, quoted speech, other ends and careless typing: each turns up among a few hundred pairs."""
    people = [(f"Anna likes {n + 2} dogs.", f"Anna mag {n + 2} Hunde.") for n in range(200)]
    corpora = Corpora([], people + [("Stop it.", "Hör auf.")] * 200, [], [])
    pairs = epoch_pairs(corpora, (400, 0, 0), 0.0, "de", 1, 0)
    sources = [src for src, _ in pairs]
    assert any(" mag " in tgt and "Anna" not in tgt for _, tgt in pairs)
    assert any('"' in src and '"' in tgt for src, tgt in pairs)
    assert any(pair == ("Stop it!", "Hör auf!") for pair in pairs)
    assert any(src.isupper() for src in sources)
    assert any(src.islower() for src in sources)
