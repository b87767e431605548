"""What the command lines share: for anything that goes wrong one sentence and a status, never a traceback.

0      done
2      cannot be done; a sentence on standard error says why
130    stopped by Ctrl-C
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, TextIO

from model.data import DataError
from model.files import CheckpointError
from model.glass import TextError
from model.limits import Limit, LimitError

Main = Callable[[list[str]], int]


class OutputError(Exception):
    """Standard output takes no more; the message says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The output cannot be written: {error.strerror}.")


class Parser(argparse.ArgumentParser):
    """Options may stand before, between and after the other arguments; nonsense gets one sentence."""

    def read(self, arguments: list[str]) -> argparse.Namespace:
        return self.parse_intermixed_args(arguments)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def number(limit: Limit) -> Callable[[str], float]:
    """Reads an option's number, for argparse."""

    def read(text: str) -> float:
        try:
            return limit.read(text)
        except LimitError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def silence(stream: TextIO) -> None:
    """What still waits in a stream that takes no more is dropped, or Python fails again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(sentence: str) -> None:
    """A line on standard error, if that takes any."""
    try:
        print(sentence, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def write(line: str = "", end: str = "\n") -> None:
    """A line on standard output, at once."""
    try:
        print(line, end=end, flush=True)
    except OSError as error:
        silence(sys.stdout)
        raise OutputError(error) from None


def reporting(main: Main) -> Main:
    """Decorator: what `main` raises becomes a sentence and a status."""

    @wraps(main)
    def reported(arguments: list[str]) -> int:
        try:
            return main(arguments)
        except (CheckpointError, DataError, TextError, LimitError, OutputError) as error:
            say(str(error))
        except OSError as error:
            where = "The output" if error.filename is None else os.fsdecode(error.filename)
            say(f"{where} cannot be read or written: {error.strerror}.")
        except KeyboardInterrupt:
            say("Stopped.")
            return 130
        return 2

    return reported


def open_streams() -> None:
    """A closed standard stream fails when it is used, and no file that is opened later takes its place."""
    for name, flags, mode in (
        ("stdin", os.O_WRONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # one put in its place encodes nothing
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def ended(main: Main) -> int:
    """Run `main` over this process's arguments, to the last byte of its output."""
    status: str | int | None
    try:
        status = main(sys.argv[1:])
    except SystemExit as stop:
        status = stop.code
    if isinstance(status, str):
        say(status)
        status = 2
    write(end="")
    return status or 0


def execute(main: Main) -> NoReturn:
    """Run a command line as the process that it is."""
    open_streams()
    sys.exit(reporting(lambda _: ended(main))([]))
