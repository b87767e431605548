"""Sentences where beam search beats greedy: python -m model.beam_example en-de --data DIR [--n 400] [--card]

Reads the first n captions of `val`. One line for each where the beam's winner is more probable than greedy's
translation and says something else: the gain in log P (nats), both log P, the sentence, greedy, beam, and the
corpus' own translation; the largest gain last. --card writes into the card the sentence where the beam is
closer to the corpus' translation than greedy by most (sentence chrF).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF

from model.card import languages
from model.checkpoint import amend_card
from model.command import Parser, execute, number, reporting, write
from model.data import Pair, read_multi30k
from model.glass import Glass, TextError, load
from model.limits import BEAM, COUNT


@dataclass(frozen=True)
class Example:
    """A sentence, and its translations by greedy decoding, by beam search, and in the corpus."""

    text: str
    greedy: str
    beam: str
    reference: str
    greedy_log_prob: float
    beam_log_prob: float

    @property
    def gain(self) -> float:
        """By how much the beam's log P is higher, in nats."""
        return self.beam_log_prob - self.greedy_log_prob


def examples(glass: Glass, pairs: Iterable[Pair], width: int) -> Iterator[Example]:
    """The pairs whose source the beam translates otherwise than greedy, and with a higher log P."""
    for text, reference in pairs:
        try:
            greedy, beam = glass.translate(text), glass.translate(text, width)
        except TextError:
            continue
        found = Example(text, greedy.text, beam.text, reference, greedy.log_prob, beam.log_prob)
        if greedy.finished and beam.finished and found.beam != found.greedy and found.gain > 0:
            yield found


def most_instructive(found: Iterable[Example]) -> Example | None:
    """The one whose beam's translation is better than greedy's by most; None where none is."""
    chrf = CHRF()

    def closeness(text: str, reference: str) -> float:
        score: float = chrf.sentence_score(text, [reference]).score
        return score

    def better(each: Example) -> float:
        return closeness(each.beam, each.reference) - closeness(each.greedy, each.reference)

    best = max(found, key=better, default=None)
    return best if best and better(best) > 0 else None


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m model.beam_example", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--languages", nargs=2, help="of source and target (default: the card's)")
    parser.add_argument("--n", type=number(COUNT), default=400, help="how many captions")
    parser.add_argument("--width", type=number(BEAM.but(name="width")), default=4, help="of the beam")
    parser.add_argument("--card", action="store_true", help="write the best of them into card.json")
    args = parser.read(arguments)
    glass = load(args.name)
    pairs = read_multi30k(args.data, "val", *(args.languages or languages(glass.card, glass.name)))[: args.n]
    found = sorted(examples(glass, pairs, args.width), key=lambda example: example.gain)
    for each in found:
        numbers = f"{each.gain:.3f}\t{each.greedy_log_prob:.3f}\t{each.beam_log_prob:.3f}"
        write("\t".join([numbers, each.text, each.greedy, each.beam, each.reference]))
    if args.card and (best := most_instructive(found)):
        amend_card(args.name, {"beam_example": best.text})
    return 0


if __name__ == "__main__":
    execute(main)
