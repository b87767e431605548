"""Training pairs with other names and numbers, so that the model learns to copy what it never saw.

A first name, surname, city or number that stands equally often on both sides gives way to another one of its
kind, the same on both sides. Whatever could become ungrammatical leaves the pair as it is.
"""

import random
import re
from collections import Counter
from typing import NamedTuple

from model.name_lists import SPELLINGS, TRANSLATED_CITIES, listed
from model.new_names import FIRST_NAMES, LISTS, UNSURE, new_name, starts_with_vowel

KIND = {name: kind for kind, names in LISTS.items() for name in names} | dict.fromkeys(
    TRANSLATED_CITIES, "city"
)
OTHER_SPELLINGS = {
    language: frozenset(spelling for others in table.values() for spelling in others)
    for language, table in SPELLINGS.items()
}

CAPITALISED = re.compile(r"(?<![\w-])[A-ZÀ-ÖØ-ÞİŁŌŚŠŻŽ][^\W\d_]*(?:-[^\W\d_]+)*(?![\w-])")
WORD_BEFORE = re.compile(r"([^\W\d_]+)[\s«»“„”\"]+$")
LONGEST_WORD_BEFORE = 14  # an eliding word, its space and a quotation mark
ENGLISH_ENDINGS = ("s", "ll", "d")  # after the apostrophe of a name: Tom's, Tom'll, Tom'd
# Words that change with the first letter of the name after them.
ELIDING = frozenset(
    listed(
        "de que le la je ne me te se ce lorsque puisque quoique jusque presque "
        "ma mon ta ton sa son cet cette beau bel nouveau nouvel vieux vieil a an"
    )
)

# Neither 0 nor 1, and not part of a time, decimal, date, ordinal, compound, spaced thousand or "an 8".
NUMBER = re.compile(
    r"(?<![\w.,:/'’-])(?<!\d\s)(?<!\b[Aa]\s)(?<!\b[Aa]n\s)"
    r"(?:[2-9]|[1-9]\d{1,3})(?![\w:/'’-]|[.,]\d|\s\d|\.\s)"
)
# From … to: hours, days of a month, years and the rest stay what they can be.
RANGES = (
    (2, 12),
    (13, 24),
    (25, 31),
    (32, 100),
    (101, 999),
    (1000, 1399),
    (1400, 1899),
    (1900, 2040),
    (2041, 9999),
)


class Shared(NamedTuple):
    """A name that stands equally often on both sides, and where."""

    name: str
    spellings: tuple[str, ...]  # that the target may use, the English one first
    in_src: list[re.Match[str]]
    in_tgt: list[re.Match[str]]


def _spots(text: str, language: str) -> dict[str, list[re.Match[str]]]:
    """Where each capitalised word stands; a German genitive is filed under its name."""
    spots: dict[str, list[re.Match[str]]] = {}
    for match in CAPITALISED.finditer(text):
        word = match[0]
        if (
            language == "German"
            and word[-1] == "s"
            and word not in KIND
            and word not in OTHER_SPELLINGS[language]
        ):
            word = word[:-1]
        spots.setdefault(word, []).append(match)
    return spots


def _shared_names(src: str, tgt: str, language: str) -> list[Shared] | None:
    """The names of both sides; None as soon as one of them does not stand equally often on both."""
    src_spots, tgt_spots = _spots(src, "English"), _spots(tgt, language)
    shared = []
    for name in (word for word in src_spots if word in KIND):
        spellings = (name, *SPELLINGS[language].get(name, ()))
        in_tgt = [spot for spelling in spellings for spot in tgt_spots.get(spelling, ())]
        mentions = sum(map(tgt.count, spellings))  # those inside longer words too
        if not len(src_spots[name]) == len(in_tgt) == src.count(name) == mentions:
            return None
        shared.append(Shared(name, spellings, src_spots[name], in_tgt))
    known = [spelling for entry in shared for spelling in entry.spellings]
    if len(set(known)) < len(known):  # Mary and Maria in one sentence
        return None
    if any(KIND.get(word) in FIRST_NAMES and word not in known for word in tgt_spots):
        return None
    return shared


def _odd_apostrophe(text: str, spots: list[re.Match[str]], endings: tuple[str, ...]) -> bool:
    """Is one of these followed by an apostrophe, and not by one of the endings after it?"""
    after = [text[spot.end() : spot.end() + 3] for spot in spots]
    return any(tail[:1] in ("'", "’") and not tail.startswith(endings, 1) for tail in after)


def _ties_initial(text: str, spots: list[re.Match[str]]) -> bool:
    """Does a word before one of these change with the first letter of the name?"""
    for spot in spots:
        start = spot.start()
        if text[max(0, start - 1) : start] in ("'", "’"):
            return True
        before = WORD_BEFORE.search(text, max(0, start - LONGEST_WORD_BEFORE), start)
        if before and before[1].lower() in ELIDING:
            return True
    return False


def _swapped_names(src: str, tgt: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    """Both sides with other names; None where that could become ungrammatical."""
    shared = _shared_names(src, tgt, language)
    if shared is None:
        return None
    src_new: dict[str, str] = {}
    tgt_new: dict[str, str] = {}
    taken = f"{src} {tgt}"
    for name, spellings, in_src, in_tgt in shared:
        if _odd_apostrophe(src, in_src, ENGLISH_ENDINGS) or _odd_apostrophe(tgt, in_tgt, ()):
            return None
        if language == "French" and name[0] in UNSURE:
            return None
        tied = _ties_initial(src, in_src) or (language == "French" and _ties_initial(tgt, in_tgt))
        plain_s = f"{name}'" in src or f"{name}’" in src or any(spot[0] not in spellings for spot in in_tgt)
        new = new_name(KIND[name], language, starts_with_vowel(name) if tied else None, plain_s, taken, rng)
        taken += f" {new}"
        src_new[name] = new
        tgt_new |= dict.fromkeys(spellings, new)
        if language == "German":
            tgt_new |= {f"{spelling}s": f"{new}s" for spelling in spellings}
    return _put(src_new, src), _put(tgt_new, tgt)


def _put(new: dict[str, str], text: str) -> str:
    return CAPITALISED.sub(lambda match: new.get(match[0], match[0]), text)


def _other_number(number: str, rng: random.Random) -> str:
    """Another number that can stand in its place: a year for a year, an hour or a day for one, never 1."""
    return next(str(rng.randint(low, high)) for low, high in RANGES if int(number) <= high)


def _swapped_numbers(src: str, tgt: str, rng: random.Random) -> tuple[str, str]:
    """Both sides with other numbers, or as they are where their numbers are not the same."""
    here, there = Counter(NUMBER.findall(src)), Counter(NUMBER.findall(tgt))
    new = {number: _other_number(number, rng) for number in here}
    if here != there or len(set(new.values()) - set(new)) < len(new):
        return src, tgt
    src_swapped, tgt_swapped = (NUMBER.sub(lambda match: new[match[0]], text) for text in (src, tgt))
    return src_swapped, tgt_swapped


def swap_names(pair: tuple[str, str], tgt_language: str, rng: random.Random) -> tuple[str, str]:
    """The (English, German or French) pair with other names and numbers, the same on both sides.

    A pair without any, or with a name that the two sides do not share one to one, comes back as it is.
    """
    src, tgt = pair
    if any(word in KIND for word in CAPITALISED.findall(src)):
        swapped = _swapped_names(src, tgt, tgt_language, rng)
        if swapped is None:
            return pair
        src, tgt = swapped
    if any(character.isdigit() for character in src):
        return _swapped_numbers(src, tgt, rng)
    return src, tgt
