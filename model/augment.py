"""Training pairs with other names and numbers, so that the model learns to copy what it never saw.

A first name, surname, city or number that stands equally often on both sides gives way to another one of its
kind, the same on both sides. Whatever could become ungrammatical leaves the pair as it is.
"""

import random
import re
from collections import Counter

from model.name_lists import CITIES, FEMALE, MALE, SPELLINGS, SURNAMES, TRANSLATED_CITIES

INVENTED_SHARE = 0.3

KIND = (
    dict.fromkeys(FEMALE, "female")
    | dict.fromkeys(MALE, "male")
    | dict.fromkeys(SURNAMES, "surname")
    | dict.fromkeys(CITIES + TRANSLATED_CITIES, "city")
)
GERMAN_SPELLINGS = frozenset(word for words in SPELLINGS["German"].values() for word in words)
LISTS = {"female": FEMALE, "male": MALE, "surname": SURNAMES, "city": CITIES}

CAPITALISED = re.compile(r"(?<![\w-])[A-ZÀ-ÖØ-ÞİŁŌŚŠŻŽ][^\W\d_]*(?:-[^\W\d_]+)*(?!-)")
LAST_WORD = re.compile(r"([^\W\d_]+)\s+$")
# Not 0 or 1, and not part of a time, decimal, date, ordinal, compound, spaced thousand or "an 8".
NUMBER = re.compile(
    r"(?<![\w.,:/'’-])(?<!\d\s)(?<!\ba )(?<!\ban )(?:[2-9]|[1-9]\d{1,3})(?![\w:/'’-]|[.,]\d|\s\d|\.\s)"
)
ENGLISH_ENDINGS = ("s", "ll", "d")  # after the apostrophe of a name: Tom's, Tom'll, Tom'd

VOWELS = frozenset("AEIOUÀÁÂÄÅÆÈÉÊËÍÎİÓÔÖØÚÛÜŌ")
UNSURE = frozenset("HY")  # French elides before some of these names and not before others
SIBILANT = ("s", "x", "z", "ß", "ce", "š", "ś", "ź", "ž", "ş", "ç")
ELIDING = frozenset(
    "de que le la je ne me te se ce lorsque puisque quoique jusque presque "
    "ma mon ta ton sa son cet cette beau bel nouveau nouvel vieux vieil a an".split()
)

ONSETS = tuple("b c ch d f g j k l m n p r s sh t v w z b d k l m n r s t br dr gr kl st tr".split())
NUCLEI = tuple("a e i o u a e i o a e i o ai ia".split())
CODAS = tuple("l m n r t d k n r l".split())


def starts_with_vowel(name: str) -> bool:
    return name[0] in VOWELS


def fits_genitive(name: str) -> bool:
    """German adds a plain s, and only where the name does not end in the sound already."""
    return not name.endswith(SIBILANT)


def _pools() -> dict[tuple[str, str, bool, bool], tuple[str, ...]]:
    """The replacements by (kind, language, first letter is kept a vowel: None where free, genitive)."""
    return {
        (kind, language, vowel, genitive): tuple(
            name
            for name in names
            if (language == "German" or name[0] not in UNSURE)
            and (vowel is None or starts_with_vowel(name) == vowel)
            and (not genitive or fits_genitive(name))
        )
        for kind, names in LISTS.items()
        for language in SPELLINGS
        for vowel in (None, True, False)
        for genitive in (True, False)
    }


POOLS = _pools()


def invent_name(kind: str, vowel: bool | None, rng: random.Random) -> str:
    """A pronounceable name of two to four syllables that no list holds and that takes a plain genitive s."""
    if vowel is None:
        vowel = rng.random() < 0.25
    syllables = [rng.choice(ONSETS) + rng.choice(NUCLEI) for _ in range(rng.randint(2, 4) - vowel)]
    if vowel:
        syllables.insert(0, rng.choice("aeio") + rng.choice(("", "l", "m", "n", "r")))
    ending = rng.choice("aei") if kind == "female" else rng.choice(CODAS + ("o", "o"))
    name = "".join(syllables)
    return (
        name.rstrip("aeiou") + ending if kind == "female" or ending == "o" else name + ending
    ).capitalize()


def _spots(text: str, genitives: bool) -> dict[str, list[re.Match]]:
    """Where each capitalised word stands; a German genitive is filed under its name."""
    spots: dict[str, list[re.Match]] = {}
    for match in CAPITALISED.finditer(text):
        word = match[0]
        if genitives and word[-1] == "s" and word not in KIND and word not in GERMAN_SPELLINGS:
            word = word[:-1]
        spots.setdefault(word, []).append(match)
    return spots


def _odd_apostrophe(text: str, spots: list[re.Match], english: bool) -> bool:
    """Is one of these followed by an apostrophe that is not an English 's, 'll or 'd?"""
    for spot in spots:
        after = text[spot.end() : spot.end() + 3]
        if after[:1] in ("'", "’") and not (english and after.startswith(ENGLISH_ENDINGS, 1)):
            return True
    return False


def _tied_initial(text: str, spots: list[re.Match]) -> bool:
    """Does a word before one of these change with the first letter of the name?"""
    for spot in spots:
        start = spot.start()
        if start and text[start - 1] in "'’":
            return True
        before = LAST_WORD.search(text, max(0, start - 12), start)
        if before and before[1].lower() in ELIDING:
            return True
    return False


def _replacement(name: str, tied: bool, genitive: bool, language: str, taken: str, rng: random.Random) -> str:
    kind = KIND[name]
    vowel = starts_with_vowel(name) if tied else None
    pool = POOLS[kind, language, vowel, genitive]
    while True:
        if kind in ("female", "male") and rng.random() < INVENTED_SHARE:
            new = invent_name(kind, vowel, rng)
        else:
            new = rng.choice(pool)
        if new not in taken:
            return new


def _swapped_names(src: str, tgt: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    """Both sides with other names; None where a name does not stand equally often on both."""
    src_spots = _spots(src, genitives=False)
    names = [word for word in src_spots if word in KIND]
    tgt_spots = _spots(tgt, genitives=language == "German")
    spellings = {name: (name, *SPELLINGS[language].get(name, ())) for name in names}
    known = {spelling for options in spellings.values() for spelling in options}
    if any(KIND.get(word) in ("female", "male") and word not in known for word in tgt_spots):
        return None
    if len(known) < sum(map(len, spellings.values())):
        return None  # Mary and Maria in one sentence
    src_new: dict[str, str] = {}
    tgt_new: dict[str, str] = {}
    taken = src + " " + tgt
    for name in names:
        here = src_spots[name]
        there = [spot for spelling in spellings[name] for spot in tgt_spots.get(spelling, ())]
        mentions = sum(tgt.count(spelling) for spelling in spellings[name])
        if not len(here) == len(there) == src.count(name) == mentions:
            return None
        if _odd_apostrophe(src, here, english=True) or _odd_apostrophe(tgt, there, english=False):
            return None
        if language == "French" and name[0] in UNSURE:
            return None
        tied = _tied_initial(src, here) or (language == "French" and _tied_initial(tgt, there))
        genitive = (
            any(spot[0] not in spellings[name] for spot in there) or f"{name}'" in src or f"{name}’" in src
        )
        new = _replacement(name, tied, genitive, language, taken, rng)
        taken += " " + new
        src_new[name] = new
        for spelling in spellings[name]:
            tgt_new[spelling] = new
            if language == "German":
                tgt_new[spelling + "s"] = new + "s"
    return _put(src, src_new), _put(tgt, tgt_new)


def _put(text: str, new: dict[str, str]) -> str:
    return CAPITALISED.sub(lambda match: new.get(match[0], match[0]), text)


def _other_number(number: int, rng: random.Random) -> int:
    """Another number that can stand in its place: a year for a year, an hour or a day for one, never 1."""
    bounds = (
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
    return next(rng.randint(low, high) for low, high in bounds if number <= high)


def _swapped_numbers(src: str, tgt: str, rng: random.Random) -> tuple[str, str]:
    here, there = Counter(NUMBER.findall(src)), Counter(NUMBER.findall(tgt))
    if not here or here != there:
        return src, tgt
    new: dict[str, str] = {}
    for number in here:
        other = str(_other_number(int(number), rng))
        if other in new.values() or other in src:
            return src, tgt
        new[number] = other

    def put(text: str) -> str:
        return NUMBER.sub(lambda match: new[match[0]], text)

    return put(src), put(tgt)


def swap_names(pair: tuple[str, str], tgt_language: str, rng: random.Random) -> tuple[str, str]:
    """The (English, German or French) pair with other names and numbers, the same on both sides.

    A pair without any, or with one that the two sides do not share word for word, comes back as it is.
    """
    src, tgt = pair
    for match in CAPITALISED.finditer(src):
        if match[0] in KIND:
            swapped = _swapped_names(src, tgt, tgt_language, rng)
            if swapped is None:
                return pair
            src, tgt = swapped
            break
    if any(digit in src for digit in "123456789"):
        src, tgt = _swapped_numbers(src, tgt, rng)
    return src, tgt
