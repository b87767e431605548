"""augment.py: a number becomes another one that can stand in its place, the same on both sides."""

import random
import re

import pytest

from model.augment import RANGES, swap_names

pytestmark = pytest.mark.once

SEEDS = range(60)


def swapped(pair, language):
    """What every seed makes of the pair."""
    return [swap_names(pair, language, random.Random(seed)) for seed in SEEDS]


@pytest.mark.parametrize(("number", "low", "high"), [
    (2, 2, 12), (7, 2, 12), (20, 13, 24), (30, 25, 31), (70, 32, 100), (300, 101, 999), (1789, 1400, 1899),
    (1993, 1900, 2040), (5000, 2041, 9999),
])  # fmt: skip
def test_a_number_becomes_one_that_can_stand_there(number, low, high):
    pair = (f"I counted {number} of them.", f"Ich zählte {number} davon.")
    found = set()
    for src, tgt in swapped(pair, "German"):
        new = int(re.search(r"\d+", src)[0])
        assert tgt == f"Ich zählte {new} davon."
        assert low <= new <= high
        found.add(new)
    assert len(found) > 3


def test_no_number_becomes_one_or_zero():
    assert min(low for low, _ in RANGES) == 2


def test_equal_numbers_stay_equal():
    for src, tgt in swapped(
        ("The average of 3, 4 and 5 is 4.", "Der Durchschnitt von 3, 4 und 5 ist 4."), "German"
    ):
        first, second, third, mean = re.findall(r"\d+", src)
        assert second == mean
        assert len({first, second, third}) == 3
        assert re.findall(r"\d+", tgt) == [first, second, third, mean]


@pytest.mark.parametrize(("language", "pair"), [
    ("German", ("I'll be back at 2:30.", "Ich bin um 2:30 Uhr wieder da.")),
    ("German", ("I'll be back at 2:30.", "Ich bin um 2.30 Uhr wieder da.")),
    ("French", ("I'll be back at 2:30.", "Je reviens à 2 h 30.")),
    ("French", ("I'll be back at 2:30.", "Je reviens à 2h30.")),
    ("German", ("It was on May 3.", "Es war am 3. Mai.")),
    ("German", ("I have 1 dog.", "Ich habe 1 Hund.")),
    ("German", ("I have 0 dogs.", "Ich habe 0 Hunde.")),
    ("German", ("I paid 10,000 dollars.", "Ich zahlte 10.000 Dollar.")),
    ("French", ("I paid 10 000 dollars.", "J'ai payé 10 000 dollars.")),
    ("German", ("It weighs 3.5 kilograms.", "Es wiegt 3,5 Kilogramm.")),
    ("German", ("He is an 8 year old boy.", "Er ist ein Junge von 8 Jahren.")),
    ("German", ("It is a 30-day trip.", "Es ist eine 30-tägige Reise.")),
    ("German", ("It has 70 rooms.", "Es hat siebzig Zimmer.")),
    ("German", ("From 5 to 5.", "Von fünf bis 5.")),
    ("German", ("My number is 12345.", "Meine Nummer ist 12345.")),
    ("German", ("I use an MP3 player.", "Ich benutze einen MP3-Spieler.")),
])  # fmt: skip
def test_times_dates_and_the_like_are_left_alone(language, pair):
    assert set(swapped(pair, language)) == {pair}


def test_numbers_change_where_a_name_changes_too():
    pair = ("Tom bet $300.", "Tom setzte 300 Dollar.")
    for src, tgt in swapped(pair, "German"):
        name, number = re.fullmatch(r"(.+) bet \$(\d+)\.", src).groups()
        assert tgt == f"{name} setzte {number} Dollar."
        assert name != "Tom"
