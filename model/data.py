"""Corpora: reading them, the casual variants that people type, and batches of similar length.

Multi30k (captions; files `multi30k/{split}.{language}.gz`, line N of one translates line N of the other) and
Tatoeba (everyday sentences; `tatoeba/eng-{deu,fra}.tsv.gz`, English TAB translation).
"""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from model.tokenizer import Tokenizer

Pair = tuple[str, str]
Batch = tuple[Tensor, Tensor, Tensor]
"""(src, tgt_in, tgt_out) ids, each (batch, token)."""
TATOEBA_NAMES = {"en": "eng", "de": "deu", "fr": "fra"}
LEAST_WORDS = 5
"""Of a held-out everyday sentence."""
SHORT = 4
"""Words of a sentence that everybody says: Hello. How are you?"""
OTHER_END = {".": "!", "!": "."}
FINAL_PUNCTUATION = ".!?…"


class DataError(ValueError):
    """A corpus is missing or its two sides do not match."""


def read_lines(path: Path) -> list[str]:
    """Lines of a gzipped UTF-8 file, without line ends."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a gzipped UTF-8 text ({error}).") from None


def read_multi30k(folder: Path, split: str, src: str, tgt: str) -> list[Pair]:
    """Caption pairs of `split` (train, val, test_2016_flickr)."""
    sides = [read_lines(folder / "multi30k" / f"{split}.{language}.gz") for language in (src, tgt)]
    if len(sides[0]) != len(sides[1]):
        raise DataError(f"multi30k {split}: {len(sides[0])} lines of {src}, but {len(sides[1])} of {tgt}.")
    return list(zip(*sides, strict=True))


def read_tatoeba(folder: Path, src: str, tgt: str) -> tuple[list[Pair], list[Pair]]:
    """Everyday pairs to train on, and those held out: of every 50th English sentence (by checksum) of at
    least `LEAST_WORDS` words (shorter ones are what everybody says: to be learnt, no test of a model).

    The files hold English first; where English is the target, the pairs are turned round.
    """
    flipped = tgt == "en"
    names = [TATOEBA_NAMES.get(language, language) for language in ((tgt, src) if flipped else (src, tgt))]
    path = folder / "tatoeba" / f"{'-'.join(names)}.tsv.gz"
    train: list[Pair] = []
    held_out: list[Pair] = []
    for number, line in enumerate(read_lines(path), 1):
        columns = line.split("\t")
        if len(columns) < 2:
            raise DataError(f"{path}, line {number}: expected two columns.")
        long_enough = len(columns[0].split()) >= LEAST_WORDS
        side = held_out if long_enough and zlib.crc32(columns[0].encode()) % 50 == 0 else train
        side.append((columns[1], columns[0]) if flipped else (columns[0], columns[1]))
    return train, held_out


def read_split(folder: Path, split: str, src: str, tgt: str) -> list[Pair]:
    """Pairs to score by: captions of a Multi30k split, or `everyday`: one a held-out everyday sentence."""
    if split != "everyday":
        return read_multi30k(folder, split, src, tgt)
    _, held_out = read_tatoeba(folder, src, tgt)
    return list({pair[0]: pair for pair in reversed(held_out)}.values())[::-1]


def without_final_punctuation(text: str) -> str:
    """The text less its final full stop, question or exclamation mark."""
    return text.rstrip().rstrip(FINAL_PUNCTUATION).rstrip()


def casual(text: str, rng: random.Random) -> str:
    """The text as somebody in a hurry types it: a few changes, each with its own small probability."""
    if rng.random() < 0.15:
        text = text.lower()
    elif rng.random() < 0.08:
        text = text.upper()
    elif rng.random() < 0.12:
        text = text[:1].lower() + text[1:]
    if rng.random() < 0.18:
        text = without_final_punctuation(text) or text
    return text


def otherwise_ended(pair: Pair, space: str, rng: random.Random) -> Pair:
    """A short pair, often with ! for its full stop or the other way round: Hi. and Hi! are one to a writer.

    The target's mark follows where it has either; `space` stands before its exclamation mark (French).
    """
    src, tgt = pair
    if len(src.split()) > SHORT or src[-1:] not in OTHER_END or rng.random() >= 0.4:
        return pair
    mark = OTHER_END[src[-1]]
    if tgt[-1:] in OTHER_END:
        tgt = f"{tgt[:-1].rstrip()}{space if mark == '!' else ''}{mark}"
    return f"{src[:-1]}{mark}", tgt


def join_some(pairs: list[Pair], share: float, rng: random.Random) -> list[Pair]:
    """`share` of the pairs come as two in a row, so that the model has seen inputs of several sentences."""
    pairs = rng.sample(pairs, len(pairs))
    n = int(len(pairs) * share / 2)
    joined = [(f"{a[0]} {b[0]}", f"{a[1]} {b[1]}") for a, b in zip(pairs[:n], pairs[n : 2 * n], strict=True)]
    return joined + pairs[2 * n :]


def padded(rows: list[list[int]], pad_id: int) -> Tensor:
    """ids (batch, longest), filled up with `pad_id`."""
    longest = max(map(len, rows))
    return torch.tensor([row + [pad_id] * (longest - len(row)) for row in rows])


def on_device(batch: Batch, device: torch.device | str) -> Batch:
    src, tgt_in, tgt_out = batch
    return src.to(device), tgt_in.to(device), tgt_out.to(device)


def batches(
    pairs: list[tuple[list[int], list[int]]],
    tokenizer: Tokenizer,
    max_tokens: int,
    rng: random.Random | None = None,
) -> Iterator[Batch]:
    """(src, tgt_in, tgt_out) ids of pairs of similar length, at most `max_tokens` padded tokens a side.

    Sources end in the end token; tgt_in starts with the start token and tgt_out is one token ahead of it.
    With `rng`, ties and the order of batches are shuffled.
    """
    order = sorted(
        range(len(pairs)), key=lambda i: (len(pairs[i][1]), len(pairs[i][0]), rng.random() if rng else i)
    )
    groups: list[list[int]] = [[]]
    widest = 0
    for i in order:
        widest = max(widest, len(pairs[i][0]) + 1, len(pairs[i][1]) + 1)
        if groups[-1] and (len(groups[-1]) + 1) * widest > max_tokens:
            groups.append([])
            widest = max(len(pairs[i][0]) + 1, len(pairs[i][1]) + 1)
        groups[-1].append(i)
    if rng:
        rng.shuffle(groups)
    pad, bos, eos = tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id
    for group in filter(None, groups):
        src = padded([pairs[i][0] + [eos] for i in group], pad)
        tgt_in = padded([[bos] + pairs[i][1] for i in group], pad)
        tgt_out = padded([pairs[i][1] + [eos] for i in group], pad)
        yield src, tgt_in, tgt_out
