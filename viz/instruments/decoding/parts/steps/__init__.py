"""Step by step: a word that somebody types stands in the place of the one that the model would say."""

from __future__ import annotations

import unicodedata

from model import Glass
from model.text import read_on
from model.tokenizer import SPACE
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers, Refusal
from viz.instruments.decoding.lanes import check_room
from viz.instruments.link import Parameter

LINK: tuple[Parameter, ...] = ()
CLOSING = ("Po", "Pe", "Pf", "Mn", "Mc")
"""Kinds of characters that stand without a space before them: . , ! ) ” and accents."""


def tokenize(asked: Asked) -> bytes:
    """The ids of a typed word (`typed`) as it would stand at `step` (from 0) of a translation.

    A word in the middle of a sentence has a space before it, as this vocabulary spells it; the first word and
    a mark that closes something have none, and "·" or a space typed in front stands for one. ⟨/s⟩ is the end.
    """
    glass = asked.glass
    step = asked.whole("step", 0, glass.config.max_tgt_len - 1)
    typed = asked.values.get("typed", "")
    if typed.strip() == glass.tokenizer.readable(glass.config.eos_id):
        ids = [glass.config.eos_id]
    else:
        ids = encoded(glass, spaced(typed, step))
    check_room(glass, step + len(ids))
    return pack({"ids": ids, "pieces": [glass.tokenizer.readable(i) for i in ids]}, {})


def encoded(glass: Glass, text: str) -> list[int]:
    try:
        return glass.tokenizer.encode(text)
    except ValueError as error:  # half a character
        raise Refusal(str(error)) from error


def spaced(typed: str, step: int) -> str:
    """The typed text as it is read, with the space before it that it needs; raises Refusal where there is no
    text.
    """
    continued = read_on(typed)
    asks_for_space = continued.startswith((" ", SPACE))
    text = continued.strip().removeprefix(SPACE).strip()
    if not text:
        raise Refusal("Type a word or a mark.")
    opens = unicodedata.category(text[0]) not in CLOSING
    return f" {text}" if asks_for_space or (step > 0 and opens) else text


NUMBERS = {"tokenize": Numbers(tokenize)}
