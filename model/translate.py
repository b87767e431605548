"""Translate a text line by line: python -m model.translate en-de [--beam 5] < in.txt > out.txt

One output line for each input line. A line that cannot be translated (blank, too long, not UTF-8) gives an
empty line and a warning with its number on standard error. Line breaks inside an output become spaces.
"""

from __future__ import annotations

import argparse
import codecs
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from model.command import Parser, execute, number, reporting, say, write
from model.glass import Glass, TextError, load
from model.limits import ALPHA, BEAM

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""Byte order marks of a whole file. That of UTF-8 needs no care: reading a text leaves it out."""


def one_line(text: str) -> str:
    """The text on one line: every line break, of any kind, becomes a space."""
    return " ".join(text.splitlines())


def texts(source: BinaryIO) -> Iterator[str | None]:
    """Each line as text without its line end; None where it is not UTF-8.

    A file that begins with a byte order mark is read as that mark says, in UTF-16 or UTF-32.
    """
    first = source.readline()
    lines = chain([first] if first else [], source)
    for mark, encoding in MARKS.items():
        if first.startswith(mark):
            yield from wide_texts(lines, encoding)
            return
    for line in lines:
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            yield None


def wide_texts(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The lines of a text whose characters take several bytes each; `pieces` may end inside a character."""
    decoder, begun = codecs.getincrementaldecoder(encoding)(errors="replace"), ""
    for piece in pieces:
        *whole, begun = (begun + decoder.decode(piece)).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if begun := begun + decoder.decode(b"", final=True):
        yield begun.removesuffix("\r")


def translate_lines(
    glass: Glass, source: BinaryIO, beam: int, alpha: float | None
) -> Iterator[tuple[str, str | None]]:
    """(translation, warning) for each line; the translation is empty where there is a warning."""
    for text in texts(source):
        if text is None:
            yield "", "the line is not UTF-8 text"
            continue
        try:
            yield one_line(glass.translate(text, beam, alpha).text), None
        except TextError as error:
            yield "", one_line(str(error))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.translate", description="Translate line by line.")
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("file", nargs="?", default="-", help="input file (default: -, standard input)")
    parser.add_argument("--beam", type=number(BEAM), default=1, help="beam width (1: greedy)")
    parser.add_argument("--alpha", type=number(ALPHA), help="length penalty (default: the card's)")
    return parser.read(arguments)


def run(args: argparse.Namespace, source: BinaryIO) -> None:
    glass = load(args.name)
    for line, (translation, warning) in enumerate(translate_lines(glass, source, args.beam, args.alpha), 1):
        if warning:
            say(f"line {line}: {warning}")
        write(translation)


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    try:
        if args.file == "-":
            run(args, sys.stdin.buffer)
        else:
            with open(args.file, "rb") as source:
                run(args, source)
    except OSError as error:
        what = "Standard input" if args.file == "-" else args.file
        say(f"{what} does not read: {error.strerror}.")
        return 2
    return 0


if __name__ == "__main__":
    execute(main)
