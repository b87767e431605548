"""Typed text → the text that is tokenized: what looks the same is read the same.

    typed   H‌e said: “ﬁne” …      what came in: any code points, as a keyboard, a PDF or a web page left them
    read    He said: "fine" ...    what the tokenizer sees: one spelling of everything that looks alike

In this order: line ends, tabs and every other white space become one space; what cannot be seen goes (zero-width
and soft-hyphen characters, byte order marks, controls); letters drawn another way become the plain ones (full
width, ligatures, mathematical alphabets, decomposed accents; Unicode NFKC where it keeps the meaning: x² stays);
quotes and apostrophes become straight; Cyrillic and Greek letters that pass for Latin ones become Latin inside
a Latin word. Emoji, other scripts and unknown code points stay. Reading twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters by category that are drawn as a blank."""
UNSEEN = {0x00AD, 0x034F, 0x061C, 0x17B4, 0x17B5, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F)}
UNSEEN |= {*range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC), *range(0x180B, 0x180E), *range(0xE0000, 0xE0080)}
JOINERS = "\u200c\u200d"
"""Join or part letters of other scripts, and emoji: kept between two of those."""
SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
"""Variation selectors: kept behind a symbol (they make it an emoji), out behind a letter."""
KEPT_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>", "<square>", "<vertical>")
"""Compatibility forms that mean something else than the plain letters: x² is not x2."""
APOSTROPHES = "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02c8\u00b4\u0060\u02ca\u02cb\u2039\u203a\uff07\ua78c"
QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u2036\u02ba\u02dd\u301d\u301e\u301f\uff02"
HYPHENS = "\u2010\u2011\u2212\u02d7\ufe63\uff0d"
LOOKALIKES = dict(
    zip(
        "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧοѵ",
        "aeopcyxijshdqwABEKMHOPCTYXIJSABEZHIKMNOPTYXov",
        strict=True,
    )
)
TRAILING_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Reading:
    """A typed text, the text as it is read, and in words what was changed between the two (empty: nothing)."""

    typed: str
    text: str
    changes: tuple[str, ...]


def one_space(text: str) -> str:
    """Every run of white space, line ends and blank letters included, as one space; none at the ends."""
    return " ".join(re.sub(f"[{BLANKS}]", " ", text).split())


def beyond_latin(character: str) -> bool:
    """Whether joiners may matter beside this character: another script, or an emoji."""
    return ord(character) >= 0x590 and not unicodedata.name(character, "").startswith("LATIN")


def visible(text: str) -> str:
    """The text less the characters that cannot be seen."""
    kept = []
    for i, character in enumerate(text):
        code, before, after = ord(character), text[i - 1 : i] if i else "", text[i + 1 : i + 2]
        if character in JOINERS:
            if not (before and after and beyond_latin(before) and beyond_latin(after)):
                continue
        elif code in SELECTORS:
            if not before or unicodedata.category(before) not in ("So", "Sm", "Po", "Nd"):
                continue
        elif code in UNSEEN and not (0xE0020 <= code < 0xE0080 and before and ord(before) > 0x1F000):
            continue
        elif unicodedata.category(character) == "Cc" and not character.isspace():
            continue
        kept.append(character)
    return "".join(kept)


def plain_letter(character: str) -> str:
    """The letter that this one is another drawing of; itself where it means something else."""
    form = unicodedata.decomposition(character)
    if not form.startswith("<") or form.startswith(KEPT_FORMS):
        return character
    plain = unicodedata.normalize("NFKC", character)
    return character if plain[:1].isspace() else plain


def plain_letters(text: str) -> str:
    """Full width, ligatures, mathematical alphabets and decomposed accents as plain letters."""
    return unicodedata.normalize("NFC", "".join(map(plain_letter, unicodedata.normalize("NFC", text))))


def straight_quotes(text: str) -> str:
    """All quotes as " and all apostrophes as ', hyphens and minus as -, as the model knows them."""
    table = dict.fromkeys(map(ord, APOSTROPHES), "'") | dict.fromkeys(map(ord, QUOTES), '"')
    return text.replace(",,", '"').replace("''", '"').translate(table | dict.fromkeys(map(ord, HYPHENS), "-"))


def is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN")


def latin_lookalikes(text: str) -> str:
    """Cyrillic and Greek letters that pass for Latin ones as Latin, in words that hold no other such letter."""
    if not any(map(is_latin, text)) or not any(character in LOOKALIKES for character in text):
        return text
    foreign = [c for c in text if c.isalpha() and not is_latin(c) and c not in LOOKALIKES]

    def latin(word: re.Match[str]) -> str:
        letters = word.group()
        own = any(map(is_latin, letters)) or not foreign
        return "".join(LOOKALIKES.get(letter, letter) for letter in letters) if own else letters

    return re.sub(r"\w+", latin, text)


PASSES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("characters that cannot be seen were left out", visible),
    ("letters drawn another way became plain ones", plain_letters),
    ("quotes, apostrophes and hyphens became plain ones", straight_quotes),
    ("Cyrillic or Greek letters that pass for Latin ones became Latin", latin_lookalikes),
    ("white space became one space", one_space),
)
"""What is done, in this order, and how the screen says it."""


def reading(typed: str) -> Reading:
    """How a typed text is read, with what was changed; outer white space is nobody's news."""
    text, changes = typed.strip(), []
    for said, change in PASSES:
        changed = change(text)
        if changed != text:
            changes.append(said)
        text = changed
    return Reading(typed, text, tuple(changes))


def read(typed: str) -> str:
    """The text that is tokenized."""
    return reading(typed).text
