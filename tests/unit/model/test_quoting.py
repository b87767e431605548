"""quoting.py: pairs turned into quoted speech, alike on both sides."""

import random

import pytest

from model.quoting import quote, tight

pytestmark = pytest.mark.once

PAIRS = {
    "German": [
        ("I love you.", "Ich liebe dich."),
        ("Where is it?", "Wo ist es?"),
        ("Look out!", "Pass auf!"),
    ],
    "French": [("I love you.", "Je t'aime."), ("Where is it?", "Où est-ce ?"), ("Look out!", "Attention !")],
}


def forms(pair, language):
    return {quote(pair, language, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize(
    ("language", "pair"),
    [
        ("German", ('"I love you," she said.', '"Ich liebe dich", sagte sie.')),
        ("German", ('He said, "I love you."', 'Er sagte: "Ich liebe dich."')),
        ("German", ('"I love you."', '"Ich liebe dich."')),
        ("French", ('"I love you," she said.', '"Je t\'aime", dit-elle.')),
        ("French", ('"I love you," she whispered.', '"Je t\'aime", murmura-t-elle.')),
        ("French", ('He said, "I love you."', 'Il dit : "Je t\'aime."')),
    ],
)
def test_a_statement_is_quoted_as_each_language_does(language, pair):
    assert pair in forms(PAIRS[language][0], language)


@pytest.mark.parametrize(
    ("language", "pair"),
    [
        ("German", ('"Where is it?" he asked.', '"Wo ist es?", fragte er.')),
        ("French", ('"Where is it?" he asked.', '"Où est-ce ?" demanda-t-il.')),
    ],
)
def test_a_question_keeps_its_mark_inside_and_is_asked(language, pair):
    assert pair in forms(PAIRS[language][1], language)


@pytest.mark.parametrize("language", ["German", "French"])
def test_both_sides_hold_as_many_quotes(language):
    for pair in PAIRS[language]:
        assert {(src.count('"'), tgt.count('"')) for src, tgt in forms(pair, language)} == {(2, 2)}


@pytest.mark.parametrize(
    "pair",
    [
        ("Hi. It's me.", "Hallo. Ich bin es."),
        ('Say "ah."', 'Sag "ah."'),
        ("no capital.", "klein."),
        ("Really?", "Wirklich!"),
        ("", ""),
        ("No mark", "Kein Zeichen"),
        ("Wait…", "Warte…"),
    ],
)
def test_what_is_not_one_plain_sentence_stays_as_it_is(pair):
    assert forms(pair, "German") == {pair}


def test_french_quotes_lose_their_inner_spaces():
    assert tight('" Oui ", dit-elle. " Non. "') == '"Oui", dit-elle. "Non."'
