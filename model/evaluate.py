"""Score a model: python -m model.evaluate en-de --data DIR --split test_2016_flickr [--beam 5]

The split `everyday` is what training holds out of Tatoeba: sentences of five words and more, each with the
first of its translations.
Prints one JSON object as its last line: `bleu` (sacreBLEU, cased, detokenised), `bleu_lc` (lower-cased),
`chrf`, `signature`, `sentences`, `seconds`. With --casual the sources come in lower case without final
punctuation, and final punctuation is stripped from outputs and references alike, for the plain and the casual
input: the difference tells what careless typing costs. --card writes the scores into the checkpoint's
card.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TypedDict

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from tqdm import tqdm

from model.card import languages, section
from model.checkpoint import amend_card, find, read_json
from model.command import Parser, execute, number, reporting, write
from model.data import DataError, Pair, read_split, without_final_punctuation
from model.glass import Glass, TextError, load
from model.limits import ALPHA, BEAM, COUNT


class Scores(TypedDict):
    """Of whole texts, 0…100, and how they were counted."""

    bleu: float
    bleu_lc: float
    chrf: float
    signature: str


def translate_all(glass: Glass, texts: list[str], beam: int, alpha: float | None) -> list[str]:
    """One translation a text; a text that the model does not take scores as an empty one."""
    outputs = []
    for text in tqdm(texts, desc="translating", mininterval=1):
        try:
            outputs.append(glass.translate(text, beam, alpha).text)
        except TextError:
            outputs.append("")
    return outputs


def score(outputs: list[str], references: list[str]) -> Scores:
    """BLEU cased and lower-cased, and chrF, of whole texts (0…100)."""
    bleu = BLEU()
    result = bleu.corpus_score(outputs, [references])
    return {
        "bleu": round(result.score, 2),
        "bleu_lc": round(BLEU(lowercase=True).corpus_score(outputs, [references]).score, 2),
        "chrf": round(CHRF().corpus_score(outputs, [references]).score, 2),
        "signature": str(bleu.get_signature()),
    }


def evaluate(glass: Glass, pairs: list[Pair], beam: int, alpha: float | None) -> dict[str, object]:
    """Scores over the pairs as they stand."""
    start = time.perf_counter()
    outputs = translate_all(glass, [src for src, _ in pairs], beam, alpha)
    scores = score(outputs, [tgt for _, tgt in pairs])
    return {**scores, "sentences": len(pairs), "seconds": round(time.perf_counter() - start, 1)}


def evaluate_casual(glass: Glass, pairs: list[Pair], beam: int, alpha: float | None) -> dict[str, object]:
    """Scores of plain and of careless input, both without final punctuation, and their difference."""
    start = time.perf_counter()
    references = [without_final_punctuation(tgt) for _, tgt in pairs]
    plain = [src for src, _ in pairs]
    careless = [without_final_punctuation(src).lower() for src in plain]
    rows = {}
    for kind, texts in (("plain", plain), ("casual", careless)):
        outputs = [without_final_punctuation(text) for text in translate_all(glass, texts, beam, alpha)]
        rows[kind] = score(outputs, references)
    return {
        "plain_bleu_lc": rows["plain"]["bleu_lc"],
        "casual_bleu_lc": rows["casual"]["bleu_lc"],
        "drop": round(rows["plain"]["bleu_lc"] - rows["casual"]["bleu_lc"], 2),
        "signature": rows["plain"]["signature"],
        "sentences": len(pairs),
        "seconds": round(time.perf_counter() - start, 1),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.evaluate", description="Score a model.")
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder with multi30k/ and tatoeba/")
    parser.add_argument("--split", required=True, help="val, test_2016_flickr or everyday (held out)")
    parser.add_argument("--pair", help="language pair (default: the checkpoint's name)")
    parser.add_argument("--beam", type=number(BEAM), default=1)
    parser.add_argument("--alpha", type=number(ALPHA), help="length penalty (default: the card's)")
    parser.add_argument(
        "--limit", type=number(COUNT.but(name="limit")), help="score the first sentences only"
    )
    parser.add_argument("--casual", action="store_true", help="compare plain with careless input")
    parser.add_argument("--card", action="store_true", help="write the scores into card.json")
    return parser.read(arguments)


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    glass = load(args.name)
    pair = languages({"name": args.pair} if args.pair else glass.card, glass.name)
    pairs = read_split(args.data, args.split, *pair)[: args.limit]
    if not pairs:
        raise DataError(f"{args.split} holds no sentences.")
    result = (evaluate_casual if args.casual else evaluate)(glass, pairs, args.beam, args.alpha)
    alpha = glass.decoding.alpha if args.alpha is None else args.alpha
    result |= {"model": glass.name, "split": args.split, "beam": args.beam, "alpha": alpha}
    write(json.dumps(result))
    if args.card:
        path = find(args.name) / "card.json"
        key = f"{args.split}{' casual' if args.casual else ''}, beam {args.beam}"
        amend_card(args.name, {"scores": {**section(read_json(path), "scores"), key: result}})
    return 0


if __name__ == "__main__":
    execute(main)
