"""Typed text → the text that is tokenized: what looks the same is read the same.

    typed   He said: “ﬁne” …    what came in: as a keyboard, a PDF or a web page left it
    read    He said: "fine" ...       what the tokenizer sees: one spelling of all that looks alike

In this order: what cannot be seen goes (zero-width and soft-hyphen characters, byte order marks, controls);
letters drawn another way become the plain ones (full width, ligatures, mathematical alphabets, decomposed
accents; Unicode NFKC where it keeps the meaning: x² stays); quotes, apostrophes and hyphens become straight;
Cyrillic and Greek letters that pass for Latin ones become Latin inside a Latin word; line ends, tabs and
every other white space become one space. Emoji, other scripts and unknown code points stay. All this is done
until nothing changes any more, so that reading twice is reading once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters by category that are drawn as a blank."""
CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
"""All of them but white space."""
UNSEEN = (
    "\u00ad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufffb\ufffe\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What Unicode says may be ignored in drawing; and U+FFFE, a PDF reader's broken word."""
JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u180a\u1810-\u18af\u1900-\u1cff\ua800-\uabff"
    "\U00010a00-\U00011fff"
)
"""Scripts whose letters a joiner (or a non-joiner) between them draws otherwise."""
SYMBOLS = "\u00a9\u00ae\u203c\u2049\u2100-\u214f\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
"""Where emoji are; a variation selector behind one chooses its picture."""
SEEN = (
    f"(?<=[{JOINING}])[\u200c\u200d](?=[\u200c\u200d]*[{JOINING}])",
    f"(?<=[{SYMBOLS}\ufe0f\u20e3])\u200d(?=[{SYMBOLS}])",
    f"(?<=[{SYMBOLS}])[\ufe0e\ufe0f]|(?<=[0-9#*])\ufe0f(?=\u20e3)",
    "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    "(?<=\U0001f3f4)[\U000e0020-\U000e007e]+\U000e007f",
)
"""Where unseen characters change what is seen: words of other scripts, emoji, Mongolian letters, flags."""
VISIBLE = re.compile(f"({'|'.join(SEEN)})|[{CONTROLS}{UNSEEN}]")
WHITE = re.compile(rf"[\s{BLANKS}]+")

KEPT_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>", "<square>", "<vertical>")
"""Compatibility forms that mean something else than the plain letters: x² is not x2."""
OWN_LETTERS = {
    *"\u0e33\u0eb3\u0edc\u0edd",
    *map(chr, range(0x3131, 0x3164)),
    *map(chr, range(0x3165, 0x318F)),
}
"""Letters of everyday Thai, Lao and Korean that Unicode counts among the compatibility forms."""
ABOVE = "\u0300-\u0314\u033d-\u0344"
"""Accents above a letter: they take the dot of i and j away."""
RESPELLED = (
    (re.compile(f"\u0131(?=[{ABOVE}])"), "i"),
    (re.compile(f"\u0237(?=[{ABOVE}])"), "j"),
    (re.compile("(?<=[ij])\u0307"), ""),
    (re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32"), "\\1\u0e33"),
    (re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2"), "\\1\u0eb3"),
)
"""Spellings of one picture that Unicode keeps apart: a PDF's ı with two dots, Thai sara am in two parts."""

SIGNS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u00b4"
    "\u0060\u0384\u1fbd\u1fbf\ua78b\ua78c\u275b\u275c",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u2036\u02ba\u02dd\u275d\u275e\u2e42\u301d\u301e\u301f",
    "-": "\u2010\u2011\u2212\u02d7",
    "\u2013": "\u2012",
    "\u2014": "\u2015",
    ":": "\u2236\ua789",
    "/": "\u2215",
    "*": "\u2217",
    "|": "\u2223",
    "!": "\u01c3",
    "~": "\u223c",
    "\u00b7": "\u2219\u22c5",
}
"""A sign, and all the others that are drawn like it."""
STRAIGHT = str.maketrans({other: sign for sign, others in SIGNS.items() for other in others})

CYRILLIC = "АВЕЅІЈКМНОРСТУХҮҪӀӔԚԜаеорсухіјѕһүҫӏӕԁԛԝѵ", "ABESIJKMHOPCTYXYÇIÆQWaeopcyxijshyçlædqwv"
GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧον", "ABEZHIKMNOPTYXov"
LOOKALIKES = dict(zip(CYRILLIC[0] + GREEK[0], CYRILLIC[1] + GREEK[1], strict=True))


@dataclass(frozen=True)
class Reading:
    """A typed text, the text as it is read, and in words what was changed (empty: nothing)."""

    typed: str
    text: str
    changes: tuple[str, ...]

    @property
    def said(self) -> str:
        """The changes as one sentence; empty where there are none."""
        changes = "; ".join(self.changes)
        return f"{changes[0].upper()}{changes[1:]}." if changes else ""


def visible(text: str) -> str:
    """The text less the characters that cannot be seen."""
    return VISIBLE.sub(r"\1", text)


@lru_cache(maxsize=4096)
def plain_letter(character: str) -> str:
    """The letter that this one is another drawing of; itself where it means something else."""
    form = unicodedata.decomposition(character)
    if not form.startswith("<") or form.startswith(KEPT_FORMS) or character in OWN_LETTERS:
        return character
    plain = "".join(plain_letter(chr(int(code, 16))) for code in form.split()[1:])
    return character if plain.startswith(" ") else plain


def plain_letters(text: str) -> str:
    """Full width, ligatures, mathematical alphabets and decomposed accents as plain letters."""
    composed = unicodedata.normalize("NFC", text)
    plain = unicodedata.normalize("NFC", "".join(map(plain_letter, composed)))
    for spelling, usual in RESPELLED:
        plain = spelling.sub(usual, plain)
    return unicodedata.normalize("NFC", plain)


def straight_signs(text: str) -> str:
    """All quotes as " and all apostrophes as ', hyphens and minus as -, as the model knows them."""
    return text.translate(STRAIGHT).replace(",,", '"').replace("''", '"')


def is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN")


def latin_twin(letter: str) -> str | None:
    """The Latin letter that a Cyrillic or Greek one passes for, accents kept; None where there is none."""
    base, *accents = list(unicodedata.normalize("NFD", letter))
    twin = unicodedata.normalize("NFC", "".join([LOOKALIKES.get(base, ""), *accents]))
    return twin if base in LOOKALIKES and len(twin) == 1 else None


def latin_lookalikes(text: str) -> str:
    """Cyrillic and Greek letters that pass for Latin ones as Latin.

    In words that hold Latin letters and none that is surely another script's; and everywhere in a Latin text
    that holds no such letter at all.
    """
    twins = {letter: twin for letter in {*text} if letter > "\u036f" and (twin := latin_twin(letter))}
    if not twins or not any(map(is_latin, text)):
        return text

    def foreign(letters: str) -> bool:
        return any(c.isalpha() and c not in twins and not is_latin(c) for c in letters)

    mixed_text = foreign(text)

    def latin(word: re.Match[str]) -> str:
        letters = word.group()
        own = not foreign(letters) and (not mixed_text or any(map(is_latin, letters)))
        return "".join(twins.get(letter, letter) for letter in letters) if own else letters

    return re.sub(r"\w+", latin, text)


def one_space(text: str) -> str:
    """Every run of white space, line ends and blank letters included, as one space; none at the ends."""
    return WHITE.sub(" ", text).strip()


PASSES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("unseen characters were left out", visible),
    ("letters became plain", plain_letters),
    ("quotes and hyphens became plain", straight_signs),
    ("Cyrillic or Greek look-alikes became Latin", latin_lookalikes),
    ("white space became one space", one_space),
)
"""What is done, in this order, and how the screen says it."""


def reading(typed: str) -> Reading:
    """How a typed text is read, with what was changed; outer white space is nobody's news."""
    text, before, said = typed.strip(), None, set()
    while text != before:
        before = text
        for change, apply in PASSES:
            changed = apply(text).strip()
            if changed != text:
                said.add(change)
            text = changed
    return Reading(typed, text, tuple(change for change, _ in PASSES if change in said))


def read(typed: str) -> str:
    """The text that is tokenized."""
    return reading(typed).text


def read_on(typed: str) -> str:
    """The text that is tokenized where it continues another: a white space in front stays, as one space."""
    text = read(typed)
    return f" {text}" if text and WHITE.match(visible(typed)) else text
