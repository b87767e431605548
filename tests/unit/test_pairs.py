"""helpers/pairs.py: few cases, and no pair is missing."""

from itertools import combinations, product

import pytest

from tests.helpers.pairs import pairwise, spread

pytestmark = pytest.mark.once


@pytest.mark.parametrize("sizes", [(2, 2), (5, 3, 2, 2), (2, 2, 3, 2, 2), (4, 4, 4)])
def test_every_pair_of_values_stands_together_in_few_cases(sizes):
    choices = [range(size) for size in sizes]
    cases = pairwise(*choices)
    for a, b in combinations(range(len(sizes)), 2):
        assert {(case[a], case[b]) for case in cases} == set(product(choices[a], choices[b]))
    largest, second = sorted(sizes)[-1], sorted(sizes)[-2]
    assert largest * second <= len(cases) <= 2 * largest * second


def test_every_seed_comes_up_once_and_every_choice_as_often():
    cases = spread([("a",), ("b",), ("c",)], range(7))
    assert [seed for _, seed in cases] == list(range(7))
    assert [name for name, _ in cases] == ["a", "b", "c", "b", "c", "a", "c"]
