"""words.py: each token belongs to one word, whatever the ids; joined weights still sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.words import joined, word_groups

pytestmark = pytest.mark.once


def texts_of(tokenizer, ids):
    return [tokenizer.decode(ids[group.start : group.stop]).strip() for group in word_groups(tokenizer, ids)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Two dogs run.", ["Two", "dogs", "run", "."]),
        ("I didn't know, he said.", ["I", "didn't", "know", ",", "he", "said", "."]),
        ('She said "yes"!', ["She", "said", '"', "yes", '"', "!"]),
        ("a well-known 3.5", ["a", "well-known", "3.5"]),
        ("Übermäßig große Äpfel", ["Übermäßig", "große", "Äpfel"]),
        ("👩 runs", ["👩", "runs"]),
        ("Hund", ["Hund"]),
    ],
)
def test_words_stand_between_spaces_and_punctuation_stands_alone(tokenizer, text, words):
    assert texts_of(tokenizer, tokenizer.encode(text)) == words


def test_special_tokens_stand_alone(tokenizer):
    ids = [tokenizer.bos_id, *tokenizer.encode("Hunde"), tokenizer.eos_id, *tokenizer.encode("dog")]
    groups = word_groups(tokenizer, ids)
    n = len(tokenizer.encode("Hunde"))
    assert groups[:3] == [range(0, 1), range(1, 1 + n), range(1 + n, 2 + n)]


@given(st.data())
def test_every_token_of_any_ids_belongs_to_exactly_one_word(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=30))
    assert [place for group in word_groups(tokenizer, ids) for place in group] == list(range(len(ids)))
    assert all(map(len, word_groups(tokenizer, ids)))


@given(st.text(max_size=40))
def test_every_token_of_any_text_belongs_to_exactly_one_word(tokenizer, text):
    try:
        ids = tokenizer.encode(text)
    except ValueError:
        return  # a lone surrogate
    assert [place for group in word_groups(tokenizer, ids) for place in group] == list(range(len(ids)))


@pytest.mark.parametrize("seed", range(5))
def test_joined_weights_are_sums_to_words_of_means_from_words_and_sum_to_one(seed):
    torch.manual_seed(seed)
    weights = torch.randn(3, 7, 6, dtype=torch.float64).softmax(-1)
    queries = [range(0, 2), range(2, 3), range(3, 7)]
    keys = [range(0, 1), range(1, 4), range(4, 6)]
    found = joined(weights, queries, keys)
    naive = np.zeros((3, 3, 3))
    for head in range(3):
        for i, query in enumerate(queries):
            for j, key in enumerate(keys):
                naive[head, i, j] = sum(float(weights[head, t, s]) for t in query for s in key) / len(query)
    assert np.allclose(found, naive, atol=1e-12)
    assert np.allclose(found.sum(-1), 1, atol=1e-12)


def test_single_tokens_keep_their_weights():
    weights = torch.rand(2, 4, 5).softmax(-1)
    singles = [[range(i, i + 1) for i in range(n)] for n in (4, 5)]
    assert torch.equal(joined(weights, *singles), weights)
