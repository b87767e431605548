"""Example sentences that a model translates rightly: python -m model.examples en-de [--card]

Translates all candidates greedily and with the card's default decoding. One line for each: whether both are
right, the sentence, and what was said; the first six that are right become the card's examples with --card.
What is right stands below, written by people: "[a|b]" means a or b.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from model.card import Example, languages
from model.checkpoint import amend_card
from model.command import Parser, execute, reporting, say, write
from model.glass import Glass, load
from model.text import read

N_EXAMPLES = 6
CORPUS = "Tatoeba"


@dataclass(frozen=True)
class Candidate:
    """A sentence worth showing, its right translations by language, the best first; `corpus`: in Tatoeba."""

    text: str
    de: Sequence[str]
    fr: Sequence[str]
    corpus: Sequence[str] = ()


CANDIDATES = (
    Candidate(
        "The woman in the red dress is dancing.",
        de=[
            "Die Frau [in dem|im|mit dem] roten Kleid [tanzt|ist am Tanzen].",
            "Die Frau in rotem Kleid tanzt.",
        ],
        fr=["La femme [à la|en|dans la|avec la] robe rouge [danse|est en train de danser]."],
    ),
    Candidate(
        "The animal didn't cross the street because it was too tired.",
        de=[
            "Das Tier überquerte die Straße nicht, [weil|da] es zu müde war.",
            "Das Tier hat die Straße nicht überquert, [weil|da] es zu müde war.",
            "Das Tier ging nicht über die Straße, [weil|da] es zu müde war.",
            "Das Tier ist nicht über die Straße gegangen, [weil|da] es zu müde war.",
        ],
        fr=["L'animal n'a pas traversé la [rue|route][|,] [parce qu'|car ]il était trop fatigué."],
    ),
    Candidate(
        "A dog bites a man.",
        de=["Ein Hund beißt einen [Mann|Menschen]."],
        fr=["Un chien [mord|est en train de mordre] un homme."],
    ),
    Candidate(
        "If it rains, we will stay at home.",
        de=[
            "[Wenn|Falls] es regnet, bleiben wir [zu Hause|zuhause|daheim].",
            "[Wenn|Falls] es regnet, werden wir [zu Hause|zuhause|daheim] bleiben.",
        ],
        fr=["S'il pleut[,|] [nous resterons|nous restons|on restera|on reste] [à la maison|chez nous]."],
    ),
    Candidate(
        "The old man is sitting on a bench and reading a newspaper.",
        de=["Der alte Mann sitzt auf [einer|der] [Bank|Parkbank] und liest[ eine| die|] Zeitung."],
        fr=[
            "[Le vieil homme|L'homme âgé] est assis sur un banc et [lit|il lit] [un|le] journal.",
            "[Le vieil homme|L'homme âgé] est assis sur un banc[,|] en train de lire [un|le] journal.",
        ],
    ),
    Candidate(
        "Where is the station?",
        de=["Wo [ist|liegt] der Bahnhof?", "Wo befindet sich der Bahnhof?"],
        fr=["Où [se trouve|est] la gare[ |]?"],
        corpus=["de", "fr"],
    ),
    Candidate(
        "I have never seen such a beautiful city.",
        de=[
            "Ich habe [noch nie|nie] [eine so schöne|so eine schöne|solch eine schöne] Stadt gesehen.",
        ],
        fr=[
            "Je n'ai jamais vu une [aussi|si] belle ville.",
            "Je n'ai jamais vu [de|une] ville [aussi|si] belle.",
        ],
    ),
    Candidate(
        "She gave him the book.",
        de=["Sie [gab ihm das Buch|hat ihm das Buch gegeben]."],
        fr=["Elle lui [a donné|donna] le livre."],
    ),
    Candidate(
        "A man rides a red bike.",
        de=["Ein Mann fährt [ein rotes|auf einem roten|mit einem roten] [Fahrrad|Rad]."],
        fr=["Un homme [roule sur|fait du vélo sur|monte sur|monte|conduit] un vélo rouge."],
    ),
    Candidate(
        "Two dogs are running through the snow.",
        de=["Zwei Hunde [laufen|rennen] durch den Schnee."],
        fr=["Deux chiens [courent|sont en train de courir] [dans|à travers] la neige."],
    ),
    Candidate(
        "The bank is closed on Sunday.",
        de=["Die Bank [ist|hat] [am Sonntag|sonntags] geschlossen.", "Am Sonntag ist die Bank geschlossen."],
        fr=["La banque est fermée[ le|] dimanche.", "Le dimanche, la banque est fermée."],
        corpus=["de", "fr"],
    ),
    Candidate(
        "Three children are playing in the water.",
        de=["Drei Kinder spielen im Wasser."],
        fr=["Trois enfants [jouent|sont en train de jouer] dans l'eau."],
    ),
    Candidate(
        "My brother is older than me.",
        de=["Mein Bruder ist älter als ich."],
        fr=["Mon frère est plus [âgé|vieux] que moi."],
        corpus=["de"],
    ),
    Candidate(
        "What time is it?",
        de=["Wie [viel Uhr|spät] ist es[| jetzt]?", "Wieviel Uhr ist es?"],
        fr=["Quelle heure est-il[ |]?", "Il est quelle heure[ |]?"],
        corpus=["de", "fr"],
    ),
    Candidate(
        "Can you help me?",
        de=["[Kannst du|Können Sie|Könnt ihr] mir helfen?"],
        fr=[
            "[Peux-tu|Pouvez-vous|Tu peux|Vous pouvez|Est-ce que tu peux|Est-ce que vous pouvez] m'aider[ |]?"
        ],
        corpus=["de", "fr"],
    ),
    Candidate(
        "I love you.", de=["Ich liebe [dich|euch|Sie]."], fr=["Je [t'aime|vous aime]."], corpus=["de", "fr"]
    ),
)


def spelled_out(pattern: str) -> Iterator[str]:
    """Every text that a pattern stands for: "[a|b] c" for "a c" and "b c"."""
    pieces = re.split(r"\[([^]]*)\]", pattern)
    choices = [piece.split("|") if i % 2 else [piece] for i, piece in enumerate(pieces)]
    return map("".join, product(*choices))


def example(candidate: Candidate, language: str) -> Example:
    """The candidate as a card of that target language holds it."""
    accept = tuple(text for pattern in getattr(candidate, language) for text in spelled_out(pattern))
    if language in candidate.corpus:
        return Example(candidate.text, accept, "corpus", CORPUS)
    return Example(candidate.text, accept)


def said(glass: Glass, text: str) -> tuple[str, str]:
    """What the model makes of a sentence: greedily, and with its default decoding."""
    return glass.translate(text).text, glass.translate(text, glass.decoding.beam).text


def is_right(example: Example, translations: Sequence[str]) -> bool:
    """Whether every translation is among the accepted ones."""
    return set(map(read, translations)) <= set(map(read, example.accept))


def written(example: Example) -> dict[str, object]:
    """The example as card.json holds it."""
    said: dict[str, object] = {
        "text": example.text, "accept": list(example.accept), "origin": example.origin,
    }  # fmt: skip
    return said | {"corpus": example.corpus} if example.corpus else said


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.examples", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--pair", help="language pair (default: the card's name)")
    parser.add_argument("--card", action="store_true", help="write the examples into card.json")
    return parser.read(arguments)


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    glass = load(args.name)
    language = languages({"name": args.pair} if args.pair else glass.card, glass.name)[1]
    if language not in ("de", "fr"):
        say(f"There are no candidates for {language or 'no language'}: only for de and fr.")
        return 2
    right = []
    for each in (example(candidate, language) for candidate in CANDIDATES):
        greedy, default = said(glass, each.text)
        if is_right(each, (greedy, default)):
            right.append(each)
        write("\t".join(["right" if right[-1:] == [each] else "wrong", each.text, greedy, default]))
    chosen = [written(each) for each in right[:N_EXAMPLES]]
    if args.card:
        amend_card(args.name, {"examples": chosen})
    result = {"model": glass.name, "right": len(right), "of": len(CANDIDATES)}
    write(json.dumps(result | {"examples": [each["text"] for each in chosen]}))
    return 0


if __name__ == "__main__":
    execute(main)
