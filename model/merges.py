"""How BPE splits a word: from its bytes, one merge after another (Sennrich et al. 2016, algorithm 1).

A word is spelled in letters that stand for bytes (see tokenizer.byte_of_letter). Each step joins the
neighbouring pair whose rule stands first in the tokenizer's list; of equal pairs the leftmost. Where no rule
fits any more, the parts are the word's tokens. Ranks count from 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from model.tokenizer import Tokenizer

Ranks = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Merge:
    """One step: the parts `at` and `at` + 1 become `joined`, by the rule of that rank.

    `left` and `right` are the ranks of the pairs that the new part makes with its neighbours; None where
    there is no neighbour or no rule.
    """

    at: int
    rank: int
    joined: str
    left: int | None
    right: int | None


@lru_cache(maxsize=8)
def ranks_of(tokenizer: Tokenizer) -> Ranks:
    """The tokenizer's rules: the pair of parts that each joins → its place in the list."""
    rules = json.loads(tokenizer.engine.to_str())["model"]["merges"]
    pairs = [tuple(rule.split(" ") if isinstance(rule, str) else rule) for rule in rules]
    return {pair: rank for rank, pair in enumerate(pairs)}


def words_of(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words that merges never cross, spelled in letters for bytes: "a  b" → a, Ġ, Ġb."""
    return [word for word, _ in tokenizer.engine.pre_tokenizer.pre_tokenize_str(text)]


def pair_ranks(parts: Sequence[str], ranks: Ranks) -> list[int | None]:
    """For each part but the last: the rank of the rule that joins it to the next, or None."""
    return [ranks.get(pair) for pair in zip(parts, parts[1:], strict=False)]


def merges_of(word: str, ranks: Ranks) -> list[Merge]:
    """The steps that split a word, in order."""
    parts, merges = list(word), []
    fitting = pair_ranks(parts, ranks)
    while rules := [rank for rank in fitting if rank is not None]:
        rank = min(rules)
        at = fitting.index(rank)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
        del fitting[at]
        left = ranks.get((parts[at - 1], parts[at])) if at > 0 else None
        right = ranks.get((parts[at], parts[at + 1])) if at < len(fitting) else None
        if at > 0:
            fitting[at - 1] = left
        if at < len(fitting):
            fitting[at] = right
        merges.append(Merge(at, rank, parts[at], left, right))
    return merges


def parts_after(word: str, merges: Sequence[Merge]) -> list[str]:
    """The parts of a word after these steps; after all of them, its tokens."""
    parts = list(word)
    for merge in merges:
        parts[merge.at : merge.at + 2] = [merge.joined]
    return parts
