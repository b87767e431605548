"""data.py: reading corpora, the variants that people type, and batches."""

import gzip
import random

import pytest

from model.data import (
    DataError,
    batches,
    casual,
    join_some,
    otherwise_ended,
    read_lines,
    read_multi30k,
    read_split,
    read_tatoeba,
    without_final_punctuation,
)

pytestmark = pytest.mark.once

SENTENCE = 'It\'s "late", he said to Ann.'
EVERYDAY = [(f"This is the sentence number {n}.", f"Das ist Satz Nummer {n}.") for n in range(401)]


def write_gz(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


# Reading


def test_lines_come_without_line_ends(tmp_path):
    write_gz(tmp_path / "a.gz", ["one", "", "Üben 🚲 "])
    assert read_lines(tmp_path / "a.gz") == ["one", "", "Üben 🚲 "]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*none\.gz\.$"):
        read_lines(tmp_path / "none.gz")


def broken(kind):
    whole = gzip.compress(b"some lines of text\n" * 200, mtime=0)
    return {
        "not gzipped": b"plain text\n",
        "cut short": whole[:-12],
        "corrupt": whole[:12] + b"\xff" * 12 + whole[24:],
        "not UTF-8": gzip.compress(b"\xff\xfe\xfd"),
    }[kind]


@pytest.mark.parametrize("kind", ["not gzipped", "cut short", "corrupt", "not UTF-8"])
def test_a_broken_file_is_named(tmp_path, kind):
    (tmp_path / "a.gz").write_bytes(broken(kind))
    with pytest.raises(DataError, match=r"a\.gz is not a gzipped UTF-8 text"):
        read_lines(tmp_path / "a.gz")


def test_captions_pair_line_by_line(tmp_path):
    write_gz(tmp_path / "multi30k" / "val.en.gz", ["A dog.", "A cat."])
    write_gz(tmp_path / "multi30k" / "val.de.gz", ["Ein Hund.", "Eine Katze."])
    assert read_multi30k(tmp_path, "val", "en", "de") == [("A dog.", "Ein Hund."), ("A cat.", "Eine Katze.")]


def test_captions_of_different_lengths_are_refused(tmp_path):
    write_gz(tmp_path / "multi30k" / "val.en.gz", ["A dog.", "A cat."])
    write_gz(tmp_path / "multi30k" / "val.de.gz", ["Ein Hund."])
    with pytest.raises(DataError, match="multi30k val: 2 lines of en, but 1 of de"):
        read_multi30k(tmp_path, "val", "en", "de")


@pytest.fixture
def everyday(tmp_path):
    """Two translations of each English sentence, an odd number of lines apart."""
    lines = [f"{en}\t{de}\tsource {n}" for n in range(2) for en, de in EVERYDAY]
    write_gz(tmp_path / "tatoeba" / "eng-deu.tsv.gz", lines)
    return read_tatoeba(tmp_path, "en", "de")


def test_everyday_pairs_are_all_read(everyday):
    train, held_out = everyday
    assert sorted(train + held_out) == sorted(EVERYDAY * 2)


def test_no_english_sentence_is_both_trained_on_and_held_out(everyday):
    train, held_out = everyday
    assert not {en for en, _ in train} & {en for en, _ in held_out}


def test_about_every_fiftieth_sentence_is_held_out(everyday):
    _, held_out = everyday
    assert 2 <= len({en for en, _ in held_out}) <= 20


def test_what_is_held_out_has_words_enough(tmp_path):
    write_gz(tmp_path / "tatoeba" / "eng-deu.tsv.gz", [f"Go to {n}!\tGeh zu {n}!" for n in range(500)])
    assert read_tatoeba(tmp_path, "en", "de")[1] == []


def test_towards_english_the_everyday_pairs_are_turned_round(tmp_path, everyday):
    turned = read_tatoeba(tmp_path, "de", "en")
    assert turned == tuple([(tgt, src) for src, tgt in part] for part in everyday)


def test_an_everyday_line_without_translation_is_named(tmp_path):
    write_gz(tmp_path / "tatoeba" / "eng-deu.tsv.gz", ["Go.\tGeh.", "Run."])
    with pytest.raises(DataError, match=r"eng-deu\.tsv\.gz, line 2: expected two columns"):
        read_tatoeba(tmp_path, "en", "de")


# What people type


@pytest.mark.parametrize(
    ("text", "bare"), [("Go.", "Go"), ("Go! ", "Go"), ("Why?!", "Why"), ("A.B.", "A.B"), ("...", "")]
)
def test_final_punctuation_goes(text, bare):
    assert without_final_punctuation(text) == bare


def variants(text):
    return {casual(text, random.Random(seed)) for seed in range(400)}


@pytest.mark.parametrize(
    "variant",
    [
        SENTENCE,
        SENTENCE.lower(),
        "it" + SENTENCE[2:],
        SENTENCE[:-1],
        SENTENCE.upper(),
    ],
    ids=["as written", "lower case", "first letter small", "without full stop", "capitals"],
)
def test_casual_text_comes_in_each_variant(variant):
    assert variant in variants(SENTENCE)


@pytest.mark.parametrize("text", ["a", "...", "One"])
def test_casual_text_is_never_empty(text):
    assert all(variants(text))


def test_casual_text_keeps_its_words():
    words = {variant.lower().rstrip(".") for variant in variants(SENTENCE)}
    assert words == {SENTENCE.lower().rstrip(".")}


def test_casual_text_repeats_with_its_seed():
    assert casual(SENTENCE, random.Random(3)) == casual(SENTENCE, random.Random(3))


def test_joining_loses_no_sentence():
    joined = join_some(EVERYDAY, 0.5, random.Random(1))
    text = " ".join(src for src, _ in joined)
    assert all(src in text for src, _ in EVERYDAY)


def test_joining_makes_two_in_a_row_of_the_given_share():
    joined = join_some(EVERYDAY, 0.5, random.Random(1))
    assert sum(src.count(".") == 2 for src, _ in joined) == 100


def test_joined_sides_still_translate_each_other():
    joined = join_some(EVERYDAY, 0.5, random.Random(1))
    numbers = [[w.strip(".") for w in text.split() if w[0].isdigit()] for pair in joined for text in pair]
    assert numbers[0::2] == numbers[1::2]


# Batches


def some_pairs(n=60, longest=12):
    """Pairs of ids; no two are alike."""
    rng = random.Random(1)
    return [
        (
            [3 + i] + [100] * rng.randrange(longest),
            [3 + i] + [101] * rng.randrange(longest),
        )
        for i in range(n)
    ]


def unpadded(rows):
    return [tuple(i for i in row if i != 0) for row in rows.tolist()]


every_order = pytest.mark.parametrize("rng", [None, 7], ids=["in order", "shuffled"])


def batches_of(pairs, tokenizer, max_tokens, seed):
    return list(batches(pairs, tokenizer, max_tokens, random.Random(seed) if seed else None))


@every_order
def test_batches_hold_each_pair_once(tokenizer, rng):
    pairs = some_pairs()
    seen = [
        pair
        for src, _, tgt_out in batches_of(pairs, tokenizer, 80, rng)
        for pair in zip(unpadded(src), unpadded(tgt_out), strict=True)
    ]
    assert sorted(seen) == sorted(((*src, 2), (*tgt, 2)) for src, tgt in pairs)


@every_order
@pytest.mark.parametrize("max_tokens", [13, 40, 200])
def test_batches_stay_below_max_tokens(tokenizer, max_tokens, rng):
    made = batches_of(some_pairs(), tokenizer, max_tokens, rng)
    assert max(ids.numel() for batch in made for ids in batch) <= max_tokens


def test_batches_use_the_room_they_have(tokenizer):
    assert len(batches_of(some_pairs(longest=1), tokenizer, 80, None)) == 2


def test_a_pair_longer_than_max_tokens_is_a_batch_of_its_own(tokenizer):
    made = batches_of([([5] * 30, [6] * 30), ([5], [6])], tokenizer, 10, None)
    assert sorted(len(src) for src, _, _ in made) == [1, 1]


def test_targets_are_one_token_ahead(tokenizer):
    _, tgt_in, tgt_out = batches_of([([5, 6], [7, 8, 9])], tokenizer, 80, None)[0]
    assert (tgt_in.tolist(), tgt_out.tolist()) == ([[1, 7, 8, 9]], [[7, 8, 9, 2]])


def test_shorter_rows_are_padded_at_their_end(tokenizer):
    src, _, _ = batches_of([([5], [7]), ([5, 6], [7])], tokenizer, 80, None)[0]
    assert src.tolist() == [[5, 2, 0], [5, 6, 2]]


def test_no_pairs_make_no_batches(tokenizer):
    assert batches_of([], tokenizer, 80, None) == []


def test_shuffled_batches_repeat_with_their_seed(tokenizer):
    first, second = (batches_of(some_pairs(), tokenizer, 40, 7) for _ in range(2))
    assert [src.tolist() for src, _, _ in first] == [src.tolist() for src, _, _ in second]


def test_the_everyday_split_is_one_pair_a_held_out_sentence(tmp_path, everyday):
    _, held_out = everyday
    pairs = read_split(tmp_path, "everyday", "en", "de")
    assert sorted(src for src, _ in pairs) == sorted({src for src, _ in held_out})
    assert all(pair == next(p for p in held_out if p[0] == pair[0]) for pair in pairs)


@pytest.mark.parametrize(
    ("pair", "space", "other"),
    [
        (("Hi.", "Hallo."), "", ("Hi!", "Hallo!")),
        (("Hi.", "Salut."), " ", ("Hi!", "Salut !")),
        (("Hi!", "Salut !"), " ", ("Hi.", "Salut.")),
        (("Hi.", "Hallo, du?"), "", ("Hi!", "Hallo, du?")),
    ],
)
def test_a_short_pair_is_also_ended_otherwise(pair, space, other):
    assert {otherwise_ended(pair, space, random.Random(seed)) for seed in range(30)} == {pair, other}


@pytest.mark.parametrize(
    "pair", [("Who are you?", "Wer bist du?"), ("One two three four five.", "Eins."), ("", "")]
)
def test_questions_and_longer_pairs_keep_their_end(pair):
    assert {otherwise_ended(pair, "", random.Random(seed)) for seed in range(30)} == {pair}
