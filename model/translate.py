"""Translate a text line by line: python -m model.translate en-de [--beam 5] < in.txt > out.txt

One output line for each input line. A line that cannot be translated (blank, too long, not UTF-8) gives an
empty line and a warning with its number on standard error. Line breaks inside an output become spaces.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from model.checkpoint import CheckpointError
from model.glass import Glass, TextError, load


class OutputError(Exception):
    """Standard output takes no more; the message says why."""


def one_line(text: str) -> str:
    """The text on one line: every line break, of any kind, becomes a space."""
    return " ".join(text.splitlines())


def decoded(lines: Iterable[bytes]) -> Iterator[str | None]:
    """Each line as text without its line end; None where it is not UTF-8."""
    for line in lines:
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            yield None


def translate_lines(
    glass: Glass, lines: Iterable[bytes], beam: int, alpha: float | None
) -> Iterator[tuple[str, str | None]]:
    """(translation, warning) for each line; the translation is empty where there is a warning."""
    for text in decoded(lines):
        if text is None:
            yield "", "the line is not UTF-8 text"
            continue
        try:
            yield one_line(glass.translate(text, beam, alpha).text), None
        except TextError as error:
            yield "", one_line(str(error))


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.translate", description="Translate line by line.")
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("file", nargs="?", help="input file (default: standard input)")
    parser.add_argument("--beam", type=int, default=1, help="beam width (1: greedy)")
    parser.add_argument("--alpha", type=float, help="length penalty (default: the card's)")
    args = parser.parse_args(arguments)
    if args.beam < 1:
        parser.error(f"--beam must be at least 1, not {args.beam}")
    return args


def write(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again when it exits
        raise OutputError(f"The output cannot be written: {error.strerror}.") from None


def run(args: argparse.Namespace, source: BinaryIO) -> None:
    glass = load(args.name)
    for number, (translation, warning) in enumerate(translate_lines(glass, source, args.beam, args.alpha), 1):
        if warning:
            print(f"line {number}: {warning}", file=sys.stderr)
        write(translation)


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        if args.file is None:
            run(args, sys.stdin.buffer)
        else:
            with open(args.file, "rb") as source:
                run(args, source)
    except (CheckpointError, OutputError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{args.file or 'standard input'} does not read: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
