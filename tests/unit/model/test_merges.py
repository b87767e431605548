"""merges.py: joining the first rule's pair again and again gives what the library gives, for any text."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.merges import merges_of, pair_ranks, parts_after, ranks_of, words_of
from model.tokenizer import byte_of_letter
from tests.unit.model.conftest import TEXTS as TAUGHT
from tests.unit.model.test_tokenizer import TEXTS

pytestmark = pytest.mark.once

words = st.text(alphabet=sorted(set("".join(TAUGHT))), max_size=30)


def spellings(tokenizer, text):
    ranks = ranks_of(tokenizer)
    return [part for word in words_of(tokenizer, text) for part in parts_after(word, merges_of(word, ranks))]


def library(tokenizer, text):
    return tokenizer.engine.encode(text, add_special_tokens=False).tokens


@given(st.text() | words | st.lists(st.sampled_from(TAUGHT)).map("".join))
@example("👩🏽‍🚀 rides  a 🚲 </s><pad>")
@example("رجل يركب دراجة حمراء")
@example("nnnnnnnn eeeeeee n n  nn")
def test_the_merges_end_in_the_librarys_tokens(tokenizer, text):
    assert spellings(tokenizer, text) == library(tokenizer, text)


@pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))
def test_the_merges_of_odd_text_end_in_the_librarys_tokens(tokenizer, text):
    assert spellings(tokenizer, text) == library(tokenizer, text)


@given(st.text() | words)
def test_the_words_hold_every_byte_of_the_text(tokenizer, text):
    letters = "".join(words_of(tokenizer, text))
    assert bytes(byte_of_letter()[letter] for letter in letters) == text.encode()


@given(words)
def test_each_step_takes_the_leftmost_pair_of_the_first_rule_that_fits(tokenizer, text):
    ranks = ranks_of(tokenizer)
    for word in words_of(tokenizer, text):
        merges = merges_of(word, ranks)
        for done, merge in enumerate(merges):
            before, after = (parts_after(word, merges[:n]) for n in (done, done + 1))
            fitting = pair_ranks(before, ranks)
            assert merge.rank == min(rank for rank in fitting if rank is not None)
            assert merge.at == fitting.index(merge.rank)
            assert merge.joined == before[merge.at] + before[merge.at + 1] == after[merge.at]
            around = pair_ranks(after, ranks)
            assert merge.left == (around[merge.at - 1] if merge.at else None)
            assert merge.right == (around[merge.at] if merge.at < len(around) else None)
        assert set(pair_ranks(parts_after(word, merges), ranks)) <= {None}


def test_ranks_are_the_places_of_the_rules_in_the_tokenizers_file(tokenizer):
    rules = json.loads(tokenizer.engine.to_str())["model"]["merges"]
    assert list(ranks_of(tokenizer).items()) == [((a, b), rank) for rank, (a, b) in enumerate(rules)]
    assert len(rules) > 100


def test_each_rule_makes_a_token_of_the_vocabulary_and_later_rules_later_tokens(tokenizer):
    ids = [tokenizer.engine.token_to_id(a + b) for a, b in ranks_of(tokenizer)]
    assert all(earlier < later for earlier, later in pairwise(ids))


def test_two_tokenizers_keep_their_own_rules(tokenizer, other_tokenizer):
    assert ranks_of(tokenizer) != ranks_of(other_tokenizer)


def test_a_word_of_one_byte_and_no_word_take_no_step(tokenizer):
    ranks = ranks_of(tokenizer)
    assert merges_of("a", ranks) == merges_of("", ranks) == []
    assert parts_after("a", []) == ["a"]
    assert words_of(tokenizer, "") == []
