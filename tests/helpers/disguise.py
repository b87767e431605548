"""Texts that look like a given one and are spelled otherwise, as keyboards, PDFs and web pages spell them."""

from __future__ import annotations

import random
import string
import unicodedata

SPACES = "\u00a0\u1680\u2000\u2002\u2003\u2005\u2007\u2009\u200a\u202f\u205f\u3000\u2800\u3164"
SPACES += "\t\n\v\f\r\x85\u2028\u2029"
UNSEEN = "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2064"
UNSEEN += "\u2066\u2069\ufe0f\ufeff\x00\x07\x7f\x93"
SIGNS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u00b4\u0060\uff07\u0384\u1ffd",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u2036\uff02\u275d\u301d\u301e",
    "-": "\u2010\u2011\u2212\ufe63\uff0d",
    ":": "\uff1a\ufe55\u2236\ua789",
    ";": "\uff1b\u037e",
    "!": "\uff01\ufe57\u01c3",
    "?": "\uff1f\ufe56",
    ",": "\uff0c\ufe50",
    ".": "\uff0e\ufe52\u2024",
    "/": "\uff0f\u2215",
    "\u2013": "\u2012",
    "\u2014": "\u2015\ufe58",
    "...": "\u2026",
    "?!": "\u2048",
    "ffi": "\ufb03",
    "ffl": "\ufb04",
    "ff": "\ufb00",
    "fi": "\ufb01",
    "fl": "\ufb02",
    "st": "\ufb06",
    "IV": "\u2163",
}
ALPHABETS = (0x1D400, 0x1D468, 0x1D4D0, 0x1D56C, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670)
"""Mathematical ones that hold every letter from A to Z and a to z."""
LOOKALIKES = dict(zip("ABEKMHOPCTXaeopcyxijsväëïö", "АВЕКМНОРСТХаеорсухіјѕѵӓёїӧ", strict=True))
LETTERS = string.ascii_uppercase + string.ascii_lowercase


def drawn_otherwise(character: str, rng: random.Random) -> str:
    """One character as another code point, or as several, that look like it."""
    if character == " ":
        return "".join(rng.choices(SPACES + "  ", k=rng.randint(1, 3)))
    if character in SIGNS:
        return rng.choice(SIGNS[character])
    if character in LETTERS:
        forms = [chr(start + LETTERS.index(character)) for start in ALPHABETS]
        return rng.choice([*forms, chr(ord(character) + 0xFEE0)])
    if character.isdecimal() and character.isascii():
        return rng.choice([chr(ord(character) + 0xFEE0), chr(0x1D7CE + int(character))])
    return unicodedata.normalize("NFD", character)


def lookalikes(text: str, rng: random.Random) -> str:
    """Some letters Cyrillic, never all of a word: a whole word could be Russian."""
    words = []
    for word in text.split(" "):
        swapped = [LOOKALIKES.get(c, c) if rng.random() < 0.3 else c for c in word]
        all_gone = not any(c in LETTERS for c in swapped)
        words.append(word if all_gone else "".join(swapped))
    return " ".join(words)


def disguised(text: str, rng: random.Random) -> str:
    """A text that looks like `text`, with about a third of it spelled otherwise."""
    if rng.random() < 0.5:
        text = lookalikes(text, rng)
    out, i = [rng.choice(["", "\ufeff", " ", "\r\n"])], 0
    while i < len(text):
        longer = [sign for sign in SIGNS if len(sign) > 1 and text.startswith(sign, i)]
        piece = longer[0] if longer and rng.random() < 0.5 else text[i]
        if len(piece) > 1:
            out.append(SIGNS[piece])
        else:
            out.append(drawn_otherwise(piece, rng) if rng.random() < 0.3 else piece)
        if rng.random() < 0.15:
            out.append(rng.choice(UNSEEN))
        i += len(piece)
    return "".join([*out, rng.choice(["", "\u200b", "\u00a0", "\n"])])
