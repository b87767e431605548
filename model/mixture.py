"""What a translation model is trained on: which pairs an epoch draws, and how people's typing is imitated.

An epoch holds every caption once and the next so many everyday pairs of an endless shuffled walk; back-
translated captions, where there are any, likewise. Texts are as `model.text.read` gives them. Each epoch
is drawn from (seed, epoch): a resumed run goes on as the uninterrupted one would have.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from model.augment import swap_names
from model.config import Config
from model.data import (
    SHORT,
    DataError,
    Pair,
    casual,
    join_some,
    otherwise_ended,
    read_lines,
    read_multi30k,
    read_tatoeba,
)
from model.quoting import quote, tight
from model.text import read
from model.tokenizer import Tokenizer

Ids = tuple[list[int], list[int]]
SWAPPED = 0.5
"""The share of pairs whose names and numbers, if any, are exchanged for others."""
QUOTED = 0.03
"""The share of everyday pairs that become quoted speech, where they can."""
LANGUAGES = {"de": "German", "fr": "French"}
"""Target languages whose names can be exchanged, and sentences quoted (the source being English)."""
SOURCES = {
    "multi30k": "Multi30k task 1 (Elliott et al. 2016, 2017): captions, research and educational use",
    "tatoeba": "Tatoeba (CC BY 2.0 FR), as published by manythings.org/anki",
    "captions": "Multi30k task 2 (same terms): captions in one language, translated back by a model of ours",
}


@dataclass(frozen=True)
class Corpora:
    """Training pairs as text; validation pairs as ids: captions (`val`) and held-out everyday sentences."""

    captions: list[Pair]
    everyday: list[Pair]
    val: list[Ids]
    held_out: list[Ids]
    back_translated: list[Pair] = field(default_factory=list)

    @cached_property
    def short(self) -> list[Pair]:
        """Everyday pairs whose source has at most SHORT words."""
        return [pair for pair in self.everyday if len(pair[0].split()) <= SHORT]


def encode_pairs(pairs: list[Pair], tokenizer: Tokenizer, config: Config) -> list[Ids]:
    """Ids of each pair that fits the config's limits."""
    src, tgt = (tokenizer.encode_batch([pair[side] for pair in pairs]) for side in (0, 1))
    return [
        (s, t)
        for s, t in zip(src, tgt, strict=True)
        if s and t and len(s) < config.max_src_len and len(t) < config.max_tgt_len
    ]


def as_read(pairs: list[Pair]) -> list[Pair]:
    return [(tight(read(src)), tight(read(tgt))) for src, tgt in pairs]


def tokenizer_texts(pairs: list[Pair]) -> list[str]:
    """Both sides, each first word in lower case, and some sources in capitals: as people type."""
    texts = [text for src, tgt in pairs for text in (src, tgt, src.split(" ")[0].lower())]
    return texts + [src.upper() for src, _ in pairs[::25]]


def walk(pairs: list[Pair], n: int, seed: int, epoch: int) -> list[Pair]:
    """The `n` pairs that are due in this epoch (from 0) of an endless walk, shuffled anew each time round."""
    if not pairs:
        return []
    drawn: list[Pair] = []
    at, end = epoch * n, (epoch + 1) * n
    while at < end:
        lap, start = divmod(at, len(pairs))
        order = random.Random(f"{seed}/lap/{lap}").sample(range(len(pairs)), len(pairs))
        part = order[start : start + end - at]
        drawn += [pairs[i] for i in part]
        at += len(part)
    return drawn


def epoch_pairs(
    corpora: Corpora, counts: tuple[int, int, int], joined: float, tgt_language: str, seed: int, epoch: int
) -> list[Pair]:
    """This epoch's pairs; `counts`: of everyday sentences, of back-translated captions, and of short everyday
    sentences besides (what everybody types first is rare in a corpus, and must be known by heart).
    """
    rng, language = random.Random(f"{seed}/{epoch}"), LANGUAGES.get(tgt_language)
    everyday = walk(corpora.everyday, counts[0], seed, epoch)
    everyday += walk(corpora.short, counts[2], seed, epoch)
    space = " " if tgt_language == "fr" else ""
    everyday = [otherwise_ended(pair, space, rng) for pair in everyday]
    if language:
        everyday = [quote(pair, language, rng) if rng.random() < QUOTED else pair for pair in everyday]
    pairs = [*corpora.captions, *everyday, *walk(corpora.back_translated, counts[1], seed, epoch)]
    if language:
        pairs = [swap_names(pair, language, rng) if rng.random() < SWAPPED else pair for pair in pairs]
    return [(casual(src, rng), tgt) for src, tgt in join_some(pairs, joined, rng)]


def read_back_translated(path: Path) -> list[Pair]:
    """Pairs of a gzipped file: source TAB target, the target as people wrote it."""
    rows = [line.split("\t") for line in read_lines(path)]
    if bad := next((number for number, row in enumerate(rows, 1) if len(row) != 2), None):
        raise DataError(f"{path}, line {bad}: expected two columns.")
    return [(src, tgt) for src, tgt in rows if src and tgt]


def languages(name: str) -> tuple[str, str]:
    """Source and target of a model's name, like en-de."""
    src, _, tgt = name.partition("-")
    if not src or not tgt:
        raise DataError(f"A model's name is its language pair, like en-de, not {name!r}.")
    return src, tgt


def read_corpora(
    name: str, data: Path, vocab_size: int, limits: tuple[int, int], tokenizer: Tokenizer | None
) -> tuple[Tokenizer, Corpora, dict[str, object]]:
    """Tokenizer (trained here unless given), corpora, and what the card says of them."""
    src, tgt = languages(name)
    everyday, held_out = (as_read(part) for part in read_tatoeba(data, src, tgt))
    captions = as_read(read_multi30k(data, "train", src, tgt))
    tokenizer = tokenizer or Tokenizer.train(tokenizer_texts(captions + everyday), vocab_size)
    config = Config(vocab_size=tokenizer.vocab_size, max_src_len=limits[0], max_tgt_len=limits[1])
    val = as_read(read_multi30k(data, "val", src, tgt))
    val_ids, held_out_ids = (encode_pairs(pairs, tokenizer, config) for pairs in (val, held_out))
    corpora = Corpora(captions, everyday, val_ids, held_out_ids)
    counts = {"multi30k": {"pairs": len(captions)}}
    counts["tatoeba"] = {"pairs": len(everyday), "held_out": len(held_out)}
    return tokenizer, corpora, {key: row | {"source": SOURCES[key]} for key, row in counts.items()}
