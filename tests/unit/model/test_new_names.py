"""new_names.py: long lists without doubles, and invented names that can stand anywhere."""

import random
import re
from collections import Counter
from itertools import combinations

import pytest

from model.new_names import LISTED, LISTS, UNSURE, invent_name, new_name, starts_with_vowel, takes_plain_s

pytestmark = pytest.mark.once

LEAST = {"female": 300, "male": 300, "surname": 150, "city": 200}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_is_long_enough(kind):
    assert len(LISTS[kind]) >= LEAST[kind]


@pytest.mark.parametrize("kind", LISTS)
def test_no_name_is_twice_in_a_list(kind):
    assert [name for name, count in Counter(LISTS[kind]).items() if count > 1] == []


@pytest.mark.parametrize(("one", "other"), list(combinations(LISTS, 2)))
def test_no_name_is_of_two_kinds(one, other):
    assert set(LISTS[one]) & set(LISTS[other]) == set()


@pytest.mark.parametrize("kind", ["female", "male"])
@pytest.mark.parametrize("vowel", [True, False])
def test_an_invented_name_can_stand_anywhere(kind, vowel):
    rng = random.Random(3)
    for _ in range(500):
        name = invent_name(kind, vowel, rng)
        assert re.fullmatch(r"[A-Z][a-z]{2,14}", name)
        assert starts_with_vowel(name) == vowel
        assert takes_plain_s(name)
        assert name[0] not in UNSURE


@pytest.mark.parametrize("kind", ["female", "male"])
def test_three_in_ten_first_names_are_invented(kind):
    rng = random.Random(11)
    new = [new_name(kind, "German", None, False, "", rng) for _ in range(2000)]
    # Five standard deviations of a share of 0.3 in 2,000 draws are 0.05.
    assert sum(name not in LISTED for name in new) / 2000 == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("kind", ["surname", "city"])
def test_surnames_and_cities_are_never_invented(kind):
    rng = random.Random(11)
    assert {new_name(kind, "German", None, False, "", rng) for _ in range(500)} <= set(LISTS[kind])


def test_a_new_name_stands_nowhere_in_the_text():
    taken = " ".join(LISTS["city"][1:])
    assert new_name("city", "German", None, False, taken, random.Random(1)) == LISTS["city"][0]
