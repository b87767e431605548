"""Text ↔ tokens ↔ ids: one joint byte-level BPE vocabulary for both languages (Sennrich et al. 2016).

Byte-level means that any Unicode text has tokens and comes back unchanged; there is no unknown token. A typed
`</s>` is text: only the model's own end token has the id `eos_id`. Library: tokenizers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers, trainers

from model.files import replacing

SPECIAL = ("<pad>", "<s>", "</s>")
READABLE_SPECIAL = {"<pad>": "⟨pad⟩", "<s>": "⟨s⟩", "</s>": "⟨/s⟩"}
SPACE = "·"
READABLE_CONTROL = {"\n": "⏎", "\t": "⇥", "\r": "␍"}
INVISIBLE = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),  # joiners and fillers
    *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),  # variation selectors
}
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Zl", "Zp", "Zs", "Cn", "Co")


@cache
def byte_of_letter() -> dict[str, int]:
    """GPT-2's alphabet of bytes: printable Latin-1 stands for itself, the others for letters from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(0x100 + n): b for n, b in enumerate(others)}


def readable_character(character: str) -> str:
    """A character as the screen shows it: spaces, controls and invisible characters become visible."""
    if character == " ":
        return SPACE
    if character in READABLE_CONTROL:
        return READABLE_CONTROL[character]
    if ord(character) in INVISIBLE or unicodedata.category(character) in INVISIBLE_CATEGORIES:
        return f"⟨U+{ord(character):04X}⟩"
    return f"◌{character}" if unicodedata.combining(character) else character


@lru_cache(maxsize=65_536)
def readable_bytes(raw: bytes) -> str:
    """Bytes as the screen shows them: whole characters as such, parts of a character as ⟨F0⟩."""
    shown, i = [], 0
    while i < len(raw):
        for length in (1, 2, 3, 4):
            try:
                character = raw[i : i + length].decode("utf-8")
            except UnicodeDecodeError:
                continue
            if character:
                shown.append(readable_character(character))
                i += length
                break
        else:
            shown.append(f"⟨{raw[i]:02X}⟩")
            i += 1
    return "".join(shown)


def special_id(engine: Engine, token: str) -> int:
    """The id of a special token; raises ValueError where the vocabulary has none."""
    found = engine.token_to_id(token)
    if found is None:
        raise ValueError(f"the tokenizer lacks one of {', '.join(SPECIAL)}.")
    return found


class Tokenizer:
    """A trained vocabulary. `encode` and `decode` are inverse for every string."""

    def __init__(self, engine: Engine) -> None:
        engine.encode_special_tokens = True
        self.engine = engine
        self.pad_id, self.bos_id, self.eos_id = (special_id(engine, token) for token in SPECIAL)

    @property
    def vocab_size(self) -> int:
        return self.engine.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Ids of the text's tokens, without start or end. A lone surrogate raises ValueError."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        """`encode` of many texts, in parallel."""
        try:
            "".join(texts).encode()  # the library would call a lone surrogate a TypeError
        except UnicodeEncodeError:
            raise ValueError(
                "The text holds half a character (a lone surrogate), which no encoding can carry."
            ) from None
        return [encoding.ids for encoding in self.engine.encode_batch(texts, add_special_tokens=False)]

    def spelling(self, token_id: int) -> str:
        """The token as the vocabulary spells it, in letters that stand for bytes."""
        try:
            token = self.engine.id_to_token(int(token_id))
        except OverflowError:
            token = None
        if token is None:
            raise ValueError(f"there is no token {token_id}: ids run from 0 to {self.vocab_size - 1}.")
        return token

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; empty for the special ones."""
        token = self.spelling(token_id)
        return b"" if token in SPECIAL else bytes(byte_of_letter()[letter] for letter in token)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of the ids, special ones left out. Bytes that form no character become U+FFFD."""
        return b"".join(self.token_bytes(i) for i in ids).decode("utf-8", errors="replace")

    def readable(self, token_id: int) -> str:
        """A token as the screen shows it: · a space, ⟨F0⟩ a byte that is no character, ⟨/s⟩ the end."""
        token = self.spelling(token_id)
        return READABLE_SPECIAL.get(token) or readable_bytes(self.token_bytes(token_id))

    def save(self, path: Path) -> None:
        with replacing(path) as beside:
            beside.write_text(self.engine.to_str(pretty=True), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Raises ValueError where the file is no tokenizer of ours."""
        return cls.from_bytes(path.read_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> Tokenizer:
        """The tokenizer that a file's bytes hold; raises ValueError where they hold none of ours."""
        try:
            engine = Engine.from_buffer(content)
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"not a tokenizer file ({error}).") from None
        tokenizer = cls(engine)
        tokenizer.check_vocabulary()
        return tokenizer

    def check_vocabulary(self) -> None:
        """Ids run from 0 without a gap; every token spells bytes, and every byte has a token."""
        vocabulary = self.engine.get_vocab()
        if sorted(vocabulary.values()) != list(range(self.vocab_size)):
            raise ValueError("the tokens' ids do not run from 0 without a gap.")
        letters = byte_of_letter()
        if foreign := [
            token for token in vocabulary if token not in SPECIAL and not letters.keys() >= {*token}
        ]:
            raise ValueError(f"the token {min(foreign)[:20]!r} does not spell bytes.")
        if missing := letters.keys() - vocabulary.keys():
            raise ValueError(f"there is no token for the byte {letters[min(missing)]:02X}.")

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> Tokenizer:
        """Learn merges from `texts` up to `vocab_size` tokens: 3 special, 256 bytes, the rest merged."""
        engine = Engine(models.BPE())
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        engine.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(SPECIAL),
            initial_alphabet=sorted(byte_of_letter()),
            show_progress=False,
        )
        engine.train_from_iterator(texts, trainer)
        return cls(engine)
