"""Training pairs turned into quoted speech, of which the corpora hold too little: I love you. becomes
"I love you," she said., on both sides alike. Quotes are straight, as `model.text.read` gives them.
"""

from __future__ import annotations

import random
import re

MARKS = ".?!"
LONGEST = 90
"""Characters of a sentence that is still quoted."""
VERBS = {
    ".": (
        ("said", "sagte", "dit"),
        ("replied", "antwortete", "répondit"),
        ("whispered", "flüsterte", "murmura"),
    ),
    "?": (("asked", "fragte", "demanda"),),
    "!": (("shouted", "rief", "cria"), ("said", "sagte", "dit")),
}
SPEAKERS = (("she", "sie", "elle"), ("he", "er", "il"))
SIDES = {"German": 1, "French": 2}
LOOSE = re.compile(r'" ([^"]+?) "')


def tight(text: str) -> str:
    """French quotes as they are typed where there are no guillemets: "Oui", not " Oui "."""
    return LOOSE.sub(r'"\1"', text)


def behind(verb: str, speaker: str, side: int) -> str:
    """Who said it, behind the quotation: she said, sagte sie, dit-elle."""
    if side == 0:
        return f"{speaker} {verb}"
    if side == 1:
        return f"{verb} {speaker}"
    return f"{verb}-{'t-' if verb[-1] == 'a' else ''}{speaker}"


def in_front(verb: str, speaker: str, side: int) -> str:
    """Who said it, in front of the quotation: She said, / Sie sagte: / Elle dit :"""
    return f"{speaker.capitalize()} {verb}{(',', ':', ' :')[side]}"


def quoted(sentence: str, words: tuple[str, str], side: int, form: str) -> str:
    """One side of the pair. English closes the quotation behind the comma, German and French before it."""
    if form == "alone":
        return f'"{sentence}"'
    if form == "front":
        return f'{in_front(*words, side)} "{sentence}"'
    inside, mark = sentence[:-1], sentence[-1]
    if mark == ".":
        return f'"{inside}," {behind(*words, side)}.' if side == 0 else f'"{inside}", {behind(*words, side)}.'
    return f'"{sentence}"{"," if side == 1 else ""} {behind(*words, side)}.'


def quote(pair: tuple[str, str], language: str, rng: random.Random) -> tuple[str, str]:
    """The pair as quoted speech in `language` (German, French); as it is unless it is one plain sentence."""
    src, tgt = pair
    mark = src[-1:]
    plain = all(
        text[-1:] == mark and not any(m in text[:-1] for m in f'"{MARKS}:…') and text[:1].isupper()
        for text in pair
    )
    if not plain or mark not in VERBS or len(src) > LONGEST:
        return pair
    verbs, speakers, side = rng.choice(VERBS[mark]), rng.choice(SPEAKERS), SIDES[language]
    form = rng.choice(("behind", "behind", "front", "alone"))
    one = quoted(src, (verbs[0], speakers[0]), 0, form)
    return one, quoted(tgt, (verbs[side], speakers[side]), side, form)
