"""The length penalty that suits val: python -m model.choose_alpha en-de --data DIR [--card]

A beam's score divides log P by ((5 + n) / 6)^α: the larger α, the less a long translation pays for its
length (Wu et al. 2016; textbooks use 0.6 to 1). For each α the command prints lower-cased BLEU, chrF, and the
length: tokens of all outputs for each token of the references; below 1, the outputs are too short. It takes
the smallest α whose BLEU lies within CLOSE of the best.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from tqdm import tqdm

from model.card import HIGHEST_ALPHA, WIDEST_BEAM, Trial, languages
from model.checkpoint import amend_card
from model.command import Parser, execute, number, reporting, write
from model.data import DataError, Pair, read_multi30k
from model.glass import Glass, TextError, load
from model.limits import ALPHA, BEAM, COUNT

CLOSE = 0.1
ALPHAS = (0.6, 1.0, 1.4, 1.8)


def trial(glass: Glass, pairs: Sequence[Pair], beam: int, alpha: float) -> Trial:
    """Score the pairs, translated with this α; a text that the model does not take scores as an empty one."""
    outputs, references, n_tokens = [], [tgt for _, tgt in pairs], 0
    for text, _ in tqdm(pairs, desc=f"α {alpha}", mininterval=1):
        try:
            out = glass.translate(text, beam, alpha)
        except TextError:
            outputs.append("")
            continue
        outputs.append(out.text)
        n_tokens += len(out.ids)
    wanted = sum(len(glass.tokenizer.encode(tgt)) for tgt in references)
    bleu = BLEU(lowercase=True).corpus_score(outputs, [references]).score
    chrf = CHRF().corpus_score(outputs, [references]).score
    return Trial(alpha, round(bleu, 2), round(chrf, 2), round(n_tokens / max(1, wanted), 3))


def chosen(tried: Sequence[Trial]) -> Trial:
    """The smallest α that is as good as the best."""
    best = max(each.bleu_lc for each in tried)
    return min((each for each in tried if each.bleu_lc >= best - CLOSE), key=lambda each: each.alpha)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.choose_alpha", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder with multi30k/")
    parser.add_argument("--beam", type=number(BEAM.but(most=WIDEST_BEAM)), default=4)
    parser.add_argument(
        "--alphas", type=number(ALPHA.but(most=HIGHEST_ALPHA)), nargs="+", default=ALPHAS, help="to try"
    )
    parser.add_argument("--limit", type=number(COUNT.but(name="limit")), help="the first sentences only")
    parser.add_argument("--card", action="store_true", help="write the choice into card.json")
    return parser.read(arguments)


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    glass = load(args.name)
    pairs = read_multi30k(args.data, "val", *languages(glass.card, glass.name))[: args.limit]
    if not pairs:
        raise DataError("multi30k val holds no sentences.")
    tried = []
    for alpha in sorted(set(args.alphas)):
        tried.append(trial(glass, pairs, args.beam, alpha))
        write("α {alpha}: BLEU lower-cased {bleu_lc}, chrF {chrf}, length {length}".format(**vars(tried[-1])))
    decoding = {
        "beam": args.beam,
        "alpha": chosen(tried).alpha,
        "chosen_on": f"val, {len(pairs):,} sentences",
    }
    decoding["tried"] = [vars(each) for each in tried]
    write(json.dumps({"model": glass.name} | decoding))
    if args.card:
        amend_card(args.name, {"decoding": decoding})
    return 0


if __name__ == "__main__":
    execute(main)
