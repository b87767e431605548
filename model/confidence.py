"""From where on to doubt a translation: python -m model.confidence en-de --data DIR [--limit N] [--card]

The limits of the three figures of `model.doubt`. A translation is poor where its sentence chrF against the
corpus' translations of the sentence is below POOR.

The command translates `val` and held-out everyday sentences by the card's default decoding. On one half it
chooses `least`: the highest at which a doubt is right, that is the translation poor, at least RIGHT of the
times, on at most OFTEN of the sentences. On the other half it measures how often the doubt appears and how
often it is right. A chrF knows one wording or two: a right translation in other words counts as poor here.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF
from tqdm import tqdm

from model import card
from model.checkpoint import amend_card
from model.command import Parser, execute, number, reporting, write
from model.data import DataError, Pair, read_multi30k, read_tatoeba
from model.doubt import groups, rarest_word, sureness
from model.glass import Glass, TextError, load
from model.limits import COUNT

POOR = 40.0
RIGHT = 0.6
OFTEN = 0.2
FEWEST = 10
"""Doubts that a share needs to be worth saying."""
LEARNT = 5_000
"""Training sentences that lengths and pieces are counted in."""
SEED = 1


@dataclass(frozen=True)
class Tried:
    """A sentence that was translated: whether an everyday one, its figures, and whether it came out poor."""

    everyday: bool
    sureness: float
    length: int
    pieces: int
    poor: bool


def area_under_roc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """P(a positive scores higher than a negative), ties counted half: U / (n₊ n₋) of Mann and Whitney."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(order):
        stop = start
        while stop < len(order) and scores[order[stop]] == scores[order[start]]:
            stop += 1
        for i in order[start:stop]:
            ranks[i] = (start + 1 + stop) / 2
        start = stop
    n_positive = sum(positive)
    n_negative = len(scores) - n_positive
    if not n_positive or not n_negative:
        return 0.5
    above = sum(rank for rank, is_positive in zip(ranks, positive, strict=True) if is_positive)
    return (above - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def share(poor: Sequence[bool]) -> float:
    return sum(poor) / len(poor) if poor else 0.0


def least_sureness(tried: Sequence[Tried]) -> float:
    """The highest threshold below which translations are poor RIGHT of the times, on OFTEN of them at most.

    Where there is none, the one below which the least sure twentieth lies.
    """
    found = sorted(tried, key=lambda each: each.sureness)
    most = int(OFTEN * len(found))
    right = [n for n in range(FEWEST, most + 1) if share([each.poor for each in found[:n]]) >= RIGHT]
    n = max(right, default=len(found) // 20)
    return found[min(n, len(found) - 1)].sureness


def learnt_limits(glass: Glass, texts: Iterable[str]) -> tuple[int, int]:
    """The length that 99.9 % of these sources keep to, and the pieces that under 1 % of their words have."""
    lengths: list[int] = []
    pieces: list[int] = []
    for text in texts:
        try:
            ids = glass.source_ids(text)
        except TextError:
            continue
        lengths.append(len(ids))
        pieces += map(len, groups(glass, ids))
    if not lengths:
        raise DataError("There are no training sentences to count lengths in.")
    lengths.sort()
    pieces.sort()
    return lengths[int(0.999 * (len(lengths) - 1))], pieces[int(0.99 * (len(pieces) - 1))] + 1


def by_source(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Each source once, with all its translations."""
    found: dict[str, list[str]] = {}
    for src, tgt in pairs:
        found.setdefault(src, []).append(tgt)
    return found


def try_out(glass: Glass, pairs: Iterable[Pair], everyday: bool, limit: int) -> Iterator[Tried]:
    """Translate at most `limit` of the sources, drawn at random, by the card's default decoding."""
    chrf, known = CHRF(), by_source(pairs)
    chosen = random.Random(SEED).sample(sorted(known), min(limit, len(known)))
    for text in tqdm(chosen, desc="everyday" if everyday else "val", mininterval=1):
        try:
            out = glass.translate(text, glass.decoding.beam)
        except TextError:
            continue
        pieces, _ = rarest_word(glass, out.src_ids)
        poor = chrf.sentence_score(out.text, known[text]).score < POOR
        yield Tried(everyday, sureness(out), len(out.src_ids), pieces, poor)


def judged(tried: Sequence[Tried], longest: int, pieces: int) -> dict[str, float | int | bool | str]:
    """What goes into the card: limits, and what they are worth."""
    choosing, measuring = tried[::2], tried[1::2]
    least = round(least_sureness(choosing), 4)
    doubted = [each for each in measuring if each.sureness < least]
    rare = [each for each in tried if each.pieces >= pieces and each.sureness >= least]
    long = [each for each in tried if each.length > longest]
    kinds = {"auc": tried, "auc_val": [each for each in tried if not each.everyday]}
    kinds["auc_everyday"] = [each for each in tried if each.everyday]
    areas = {
        name: round(area_under_roc([-each.sureness for each in kind], [each.poor for each in kind]), 3)
        for name, kind in kinds.items()
    }
    n_poor = sum(each.poor for each in measuring)
    return {
        "least": least,
        "longest": longest,
        "pieces": pieces,
        "pieces_alone": len(rare) >= FEWEST and share([each.poor for each in rare]) >= RIGHT,
        **areas,
        "poor_below": POOR,
        "poor": round(share([each.poor for each in tried]), 3),
        "appears": round(len(doubted) / max(1, len(measuring)), 3),
        "right": round(share([each.poor for each in doubted]), 3),
        "caught": round(sum(each.poor for each in doubted) / max(1, n_poor), 3),
        "rare_words": len(rare),
        "rare_words_right": round(share([each.poor for each in rare]), 3),
        "too_long": len(long),
        "too_long_right": round(share([each.poor for each in long]), 3),
        "sentences": len(tried),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.confidence", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--limit", type=number(COUNT.but(name="limit")), default=1000, help="of each corpus")
    parser.add_argument("--card", action="store_true", help="write the figures into card.json")
    return parser.read(arguments)


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    glass = load(args.name)
    src, tgt = card.languages(glass.card, glass.name)
    learnt, held_out = read_tatoeba(args.data, src, tgt)
    learnt += read_multi30k(args.data, "train", src, tgt)
    val = read_multi30k(args.data, "val", src, tgt)
    sample = random.Random(SEED).sample(learnt, min(LEARNT, len(learnt)))
    longest, pieces = learnt_limits(glass, (text for text, _ in sample))
    tried = [*try_out(glass, val, False, args.limit), *try_out(glass, held_out, True, args.limit)]
    if len(tried) < 2 * FEWEST:
        raise DataError(
            f"{len(tried)} sentences are too few to choose a threshold on: {2 * FEWEST} are needed."
        )
    result = judged(tried, longest, pieces) | {"beam": glass.decoding.beam, "alpha": glass.decoding.alpha}
    write(json.dumps({"model": glass.name} | result))
    if args.card:
        amend_card(args.name, {"confidence": result})
    return 0


if __name__ == "__main__":
    execute(main)
