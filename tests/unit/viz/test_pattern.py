"""What a head does, in words: heads made by hand, whose sentence anybody can tell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.helpers.head import bits

pytestmark = pytest.mark.once

ROWS, KEYS = 8, 10
SAY = """
async ([rows, asked, site]) => {
  const { describeHead, inWords, patternOf } = await import("/instruments/attention/pattern.js");
  const figures = describeHead(Float32Array.from(rows.flat()), asked);
  return { figures, words: inWords(patternOf(figures), figures, site) };
}
"""
PATH = """
async (rows) => {
  const { heaviestPath } = await import("/instruments/attention/pattern.js");
  return heaviestPath(rows, rows[0].length);
}
"""
SOURCE = {"self": False, "answering": "source", "causal": False}
ENCODER = {"self": True, "answering": "source", "causal": False}
DECODER = {"self": True, "answering": "target", "causal": True}


@pytest.fixture(scope="module")
def say(node):
    """What is said of these weights at such a site, and the figures; `real`: tokens that are no padding."""

    def say(weights, site, real=None):
        queries, keys = real or np.shape(weights)
        end = keys - 1 if site["answering"] == "source" else None
        asked = {"queries": queries, "keys": keys, "columns": np.shape(weights)[1], "causal": site["causal"]}
        asked |= {"self": site["self"], "end": end}
        labels = ["⟨s⟩" if site["causal"] else "w1", *(f"w{j}" for j in range(2, np.shape(weights)[1] + 1))]
        told = {**site, "keys": labels, "real": {"query": queries, "key": keys}}
        found = node.evaluate(SAY, [np.asarray(weights).tolist(), asked, told])
        return found["words"], found["figures"]

    return say


def looking_at(keys, weight=0.9, columns=KEYS):
    """A head whose row i has this weight on key keys[i], and the rest even on the others."""
    weights = np.full((len(keys), columns), (1 - weight) / (columns - 1))
    weights[np.arange(len(keys)), keys] = weight
    return weights


def causal(weights):
    below = np.tril(weights)
    return below / below.sum(-1, keepdims=True)


END = KEYS - 1
SAYINGS = {
    "one by one": (looking_at([0, 1, 2, 3, 4, 5, 6, END]), SOURCE, "follows the word order (78.9%)"),
    "waits, skips": (looking_at([1, 1, 2, 4, 5, 7, 7, END]), SOURCE, "follows the word order (78.9%)"),
    "one swap": (looking_at([0, 1, 3, 2, 4, 5, 6, END]), SOURCE, "follows the word order (67.8%)"),
    "backwards": (looking_at([8, 7, 6, 5, 4, 3, 2, 1]), SOURCE, "one token a row, in no fixed place (90"),
    "weakly": (looking_at([0, 1, 2, 3, 4, 5, 6, 7], 0.4), SOURCE, "spread over about 7 of 10 source tokens"),
    "even": (np.full((ROWS, KEYS), 1 / KEYS), SOURCE, "spread over about 10 of 10 source tokens"),
    "rests": (looking_at([END] * ROWS), SOURCE, "rests on the end token (90"),
    "first half, then rests": (
        looking_at([0, 1, 2, 4, END, END, END, END]),
        SOURCE,
        "follows the word order (45.6%), else rests on the end token (45.6%)",
    ),
    "first word": (looking_at([0] * ROWS), SOURCE, "mostly looks at the first token (90"),
    "one word": (looking_at([4] * ROWS), SOURCE, "mostly looks at “w5” (90"),
    "no choice": (np.ones((3, 1)), SOURCE, "no row has a choice"),
    "itself": (looking_at(range(KEYS)), ENCODER, "mostly looks at itself (90"),
    "previous": (looking_at([0, *range(9)]), ENCODER, "mostly looks at the previous token (90"),
    "next": (looking_at([*range(1, 10), 3]), ENCODER, "mostly looks at the next token (90"),
    "encoder's end": (looking_at([END] * KEYS), ENCODER, "rests on the end token (90"),
    "⟨s⟩": (causal(looking_at([0] * KEYS)), DECODER, "rests on ⟨s⟩ (9"),
    "masked itself": (causal(looking_at(range(KEYS))), DECODER, "mostly looks at itself (9"),
    "masked previous": (causal(looking_at([0, *range(9)])), DECODER, "mostly looks at the previous token (9"),
    "⟨s⟩ alone": (np.ones((1, 1)), DECODER, "no row has a choice"),
}


@pytest.mark.parametrize("name", SAYINGS)
def test_a_head_made_by_hand_is_said_to_do_what_it_does(say, name):
    weights, site, words = SAYINGS[name]
    assert say(weights, site)[0].startswith(words)


def test_rows_without_a_choice_are_left_out(say):
    """The first row of masked self-attention is 1 on itself whatever the head does."""
    weights = causal(np.random.default_rng(3).random((6, 6)))
    _, figures = say(weights, DECODER)
    assert figures["choices"] == 5
    assert figures["diagonal"] == pytest.approx(np.diag(weights)[1:].mean())
    assert figures["previous"] == pytest.approx(np.diag(weights, -1).mean())
    assert figures["first"] == pytest.approx(weights[1:, 0].mean())
    assert figures["entropy"] == pytest.approx(np.mean([bits(row[row > 0]) for row in weights[1:]]))


def test_a_place_that_a_row_does_not_have_counts_in_no_figure(say):
    weights = np.random.default_rng(4).dirichlet(np.ones(6), 6)
    _, figures = say(weights, ENCODER)
    assert figures["previous"] == pytest.approx(np.diag(weights, -1).mean())
    assert figures["next"] == pytest.approx(np.diag(weights, 1).mean())
    assert figures["end"] == pytest.approx(weights[:, -1].mean())


def test_padding_is_neither_a_row_nor_the_end_token(say):
    weights = np.zeros((6, 8))
    weights[:, :5] = np.random.default_rng(5).dirichlet(np.ones(5), 6)
    _, figures = say(weights, SOURCE, real=(4, 5))
    assert figures["choices"] == 4
    assert figures["end"] == pytest.approx(weights[:4, 4].mean())


def test_the_heaviest_path_is_the_best_of_all_that_never_step_back(node):
    weights = np.random.default_rng(6).random((5, 4))
    paths = itertools.combinations_with_replacement(range(4), 5)
    best = max(paths, key=lambda path: weights[np.arange(5), path].sum())
    found = node.evaluate(PATH, weights.tolist())
    assert tuple(found["keys"]) == best
    assert found["share"] == pytest.approx(weights[np.arange(5), best].mean())
