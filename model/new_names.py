"""A new name for a sentence: from the lists or invented, and such that the words around it stay right."""

import random

from model.name_lists import CITIES, FEMALE, MALE, SPELLINGS, SURNAMES, TRANSLATED_CITIES, listed

INVENTED_SHARE = 0.3
INVENTED_VOWEL_SHARE = 0.25

LISTS = {"female": FEMALE, "male": MALE, "surname": SURNAMES, "city": CITIES}
FIRST_NAMES = ("female", "male")
LISTED = frozenset(name for names in (*LISTS.values(), TRANSLATED_CITIES) for name in names)

VOWELS = frozenset("AEIOUÀÁÂÄÅÆÈÉÊËÍÎİÓÔÖØÚÛÜŌ")
UNSURE = frozenset("HY")  # French elides before some of these names and not before others
SIBILANTS = ("s", "x", "z", "ß", "ce", "š", "ś", "ź", "ž", "ş", "ç")

# Syllables that read alike in the three languages; what is listed twice is drawn twice as often.
ONSETS = listed("b ch d f g j k l m n p r sh t v w z b d k l m n r t br dr gr kl st tr")
NUCLEI = listed("a e i o u a e i o a e i o ai ia")
INITIALS = listed("a e i o al am an ar el em en er il in ol or")
MALE_ENDINGS = listed("l m n r t d k n r l o o")
FEMALE_ENDINGS = listed("a a e i")


def starts_with_vowel(name: str) -> bool:
    return name[0] in VOWELS


def takes_plain_s(name: str) -> bool:
    """German writes a genitive s, and only after a name that does not end in the sound already."""
    return not name.endswith(SIBILANTS)


def _pools() -> dict[tuple[str, str, bool | None, bool], tuple[str, ...]]:
    """The listed names by (kind, language, initial is a vowel or None for either, takes a plain s)."""
    return {
        (kind, language, vowel, plain_s): tuple(
            name
            for name in names
            if (language == "German" or name[0] not in UNSURE)
            and (vowel is None or starts_with_vowel(name) == vowel)
            and (not plain_s or takes_plain_s(name))
        )
        for kind, names in LISTS.items()
        for language in SPELLINGS
        for vowel in (None, True, False)
        for plain_s in (True, False)
    }


POOLS = _pools()


def invent_name(kind: str, vowel: bool | None, rng: random.Random) -> str:
    """A first name of two to four syllables that can be spoken and takes a plain genitive s."""
    if vowel is None:
        vowel = rng.random() < INVENTED_VOWEL_SHARE
    syllables = [rng.choice(ONSETS) + rng.choice(NUCLEI) for _ in range(rng.choice((2, 2, 3, 3, 4)))]
    if vowel:
        syllables[0] = rng.choice(INITIALS)
    stem = "".join(syllables)
    ending = rng.choice(FEMALE_ENDINGS if kind == "female" else MALE_ENDINGS)
    return (stem.rstrip("aeiou") if ending in "aeio" else stem).capitalize() + ending


def new_name(
    kind: str, language: str, vowel: bool | None, plain_s: bool, taken: str, rng: random.Random
) -> str:
    """A name of this kind that stands nowhere in the text `taken`: a listed one or one that no list holds."""
    pool = POOLS[kind, language, vowel, plain_s]
    while True:
        invented = kind in FIRST_NAMES and rng.random() < INVENTED_SHARE
        name = invent_name(kind, vowel, rng) if invented else rng.choice(pool)
        if name not in taken and not (invented and name in LISTED):
            return name
