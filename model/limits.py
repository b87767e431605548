"""Ranges of the numbers that decide how a text is translated: one table for Python, commands and the page.

For example:

    BEAM.check(0)           # LimitError: beam must be a whole number from 1 to 64, not 0.
    ALPHA.read("1.8")       # 1.8, from a text that somebody typed
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TypeVar

WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
DECIMAL = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
SHOWN = 20
"""Characters of a refused value that its sentence repeats."""


Number = TypeVar("Number", bound=float)


class LimitError(ValueError):
    """A number lies outside its range, or is none; the message is one sentence that names the range."""


def shown(value: object) -> str:
    """A refused value, cut where it is long."""
    if isinstance(value, int) and abs(value) >= 10**SHOWN:
        return f"one of more than {SHOWN} digits"
    text = " ".join(value.split()) if isinstance(value, str) else f"{value}"
    return (text if len(text) <= SHOWN else f"{text[:SHOWN]}…") or "nothing"


def digits(number: float) -> str:
    """A range's end as people write it: 64, 0.05, 999,999."""
    return f"{number:,.12f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Limit:
    """From `least` to `most`, both included. `zero`: what 0 means where it is allowed besides."""

    name: str
    least: float
    most: float
    whole: bool = False
    zero: str = ""

    def but(
        self,
        name: str | None = None,
        least: float | None = None,
        most: float | None = None,
        zero: str | None = None,
    ) -> Limit:
        """The same range with another name, other ends, or another meaning of 0."""
        return replace(
            self,
            name=self.name if name is None else name,
            least=self.least if least is None else least,
            most=self.most if most is None else most,
            zero=self.zero if zero is None else zero,
        )

    @property
    def sentence(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        zero = f"0 ({self.zero}) or " if self.zero else ""
        return f"{self.name} must be {zero}{kind} from {digits(self.least)} to {digits(self.most)}"

    def refusal(self, value: object) -> LimitError:
        return LimitError(f"{self.sentence}, not {shown(value)}.")

    def allows(self, number: float) -> bool:
        return self.least <= number <= self.most or bool(self.zero and number == 0)

    def check(self, value: Number) -> Number:
        """The value itself, if it is a number of this range; else LimitError."""
        kind = Integral if self.whole else Real
        if not isinstance(value, kind) or isinstance(value, bool) or not self.allows(value):
            raise self.refusal(value)
        return value

    def read(self, text: str) -> float:
        """The number of this range that a text says; anything else raises LimitError."""
        is_number = (WHOLE if self.whole else DECIMAL).fullmatch(text)
        number = (int if self.whole else float)(text) if is_number else None
        if number is None or not self.allows(number):
            raise self.refusal(text)
        return number


BEAM = Limit("beam", 1, 64, whole=True)
ALPHA = Limit("alpha", 0, 5)
SAMPLES = Limit("samples", 1, 10_000, whole=True)
TEMPERATURE = Limit("temperature", 1e-9, 10, zero="greedy")
TOP_K = Limit("top_k", 1, 1_000_000, whole=True)
TOP_P = Limit("top_p", 1e-9, 1)
SEED = Limit("seed", 0, 999_999_999, whole=True)
LENGTH = Limit("limit", 1, 1_000_000, whole=True)
"""Tokens of a translation; a model has its own end of this range."""
COUNT = Limit("n", 1, 1_000_000_000, whole=True)
"""How many of anything that costs nothing but time."""
THREADS = Limit("threads", 1, 1024, whole=True, zero="torch's choice")
