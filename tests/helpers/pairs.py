"""Fewer cases that still bring every two values together: what two choices do to each other shows there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product


def pairwise(*choices: Sequence[object]) -> list[tuple[object, ...]]:
    """Of all combinations so many that any two values of two choices stand together in one of them."""
    columns = list(combinations(range(len(choices)), 2))

    def pairs(case: tuple[int, ...]) -> set[tuple[int, ...]]:
        return {(a, b, case[a], case[b]) for a, b in columns}

    every = list(product(*(range(len(values)) for values in choices)))
    missing, cases = set().union(*map(pairs, every)), []
    while missing:
        best = max(every, key=lambda case: len(pairs(case) & missing))
        missing -= pairs(best)
        cases.append(best)
    return [tuple(values[i] for values, i in zip(choices, case, strict=True)) for case in cases]


def spread(choices: Sequence[tuple[object, ...]], seeds: Sequence[int]) -> list[tuple[object, ...]]:
    """Each seed with one choice, (*choice, seed): every choice with several seeds.

    Each round begins one choice further on, so that what hangs on `seed % n` varies under one choice, too.
    """
    size = len(choices)
    assert len(seeds) >= 2 * size, "every choice needs at least two seeds"
    return [(*choices[(n + n // size) % size], seed) for n, seed in enumerate(seeds)]
