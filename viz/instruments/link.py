"""The link's parameters as tables: each instrument declares its own, one reader judges them all.

    Count("layer", layers)                     3         from 1 in the link and on the screen, from 0 inside
    Choice("view", ("heads", "inside"))        inside
    Flag("padded")                             1
    Number("alpha", ALPHA)                     0.6
    Text("reference", 2000)                    Wo ist der Bahnhof?
    Ids("forced")                              12.7.301_20

The browser reads and writes by the same tables: the header of a first picture has them as `link`. Rows that
are `while_pinned` say where a cell is pinned; those that count stand and fall together. They do not go along
to another place, and neither do those that are `of_place`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from model.limits import Limit, digits, shown

if TYPE_CHECKING:
    from viz.instruments.base import Asked

Value = int | float | str | bool
WHOLE = re.compile("-?[0-9]{1,9}")
DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
IDS = re.compile(r"[0-9]{1,9}([._][0-9]{1,9})*")
CELL = re.compile(r"[0-9]{1,4}")


def whole_number(text: str) -> int | None:
    """The number that `text` says, or None (also for digits beyond ASCII, and for endless ones)."""
    return int(text) if WHOLE.fullmatch(text) else None


class Nonsense(ValueError):
    """A value that says nothing; the message is a sentence for the reader."""


class Moved(ValueError):
    """A value beyond what there is: `nearest` stands for it; the message is a sentence for the reader."""

    def __init__(self, nearest: Value, sentence: str) -> None:
        super().__init__(sentence)
        self.nearest = nearest


def always(_asked: Asked) -> bool:
    return True


def is_said(name: str) -> Callable[[Asked], bool]:
    """Whether the link says this parameter."""
    return lambda asked: bool(asked.values.get(name))


def nobody_knows(_asked: Asked) -> int | None:
    return None


@dataclass(frozen=True)
class Parameter:
    """One parameter. `tab`: the tab that it belongs to. `of_sentence`: it says nothing of another sentence.

    `when`: whether it means anything beside the others; `beside`: what else a pin by it needs.
    """

    name: str
    _: KW_ONLY
    while_pinned: bool = False
    of_place: bool = False
    when: Callable[[Asked], bool] = always
    beside: tuple[str, ...] = ()
    tab: str | None = None
    of_sentence: bool = False

    @property
    def kind(self) -> str:
        return type(self).__name__.lower()

    def read(self, raw: str, asked: Asked) -> Value:
        """What the value says; raises Nonsense or Moved."""
        raise NotImplementedError

    def details(self, _asked: Asked) -> Mapping[str, Any]:
        """What the browser needs to read it, besides its kind."""
        return {}

    def described(self, asked: Asked) -> dict[str, Any]:
        """The row as the browser gets it."""
        row = {"name": self.name, "kind": self.kind, **self.details(asked)}
        stays = self.while_pinned or self.of_place
        return row | ({"pinned": True} if stays else {}) | ({"tab": self.tab} if self.tab else {})


@dataclass(frozen=True)
class Count(Parameter):
    """`of`: how many there are here; None where nobody knows."""

    of: Callable[[Asked], int | None] = nobody_knows

    def read(self, raw: str, asked: Asked) -> int:
        number = whole_number(raw)
        if number is None:
            raise Nonsense(f"The link's {self.name} is {shown(raw)!r}, which is no whole number.")
        value, most = number - 1, self.of(asked)
        if most is not None and not 0 <= value < most:
            sentence = f"The link asks for {self.name} {number}; here they run from 1 to {most}."
            raise Moved(min(max(value, 0), most - 1), sentence)
        return value


@dataclass(frozen=True)
class Choice(Parameter):
    """`choices`: what there is; a function where what is open decides."""

    choices: Sequence[str] | Callable[[Asked], Sequence[str]] = ()

    def among(self, asked: Asked) -> Sequence[str]:
        return self.choices(asked) if callable(self.choices) else self.choices

    def read(self, raw: str, asked: Asked) -> str:
        if raw not in self.among(asked):
            raise Nonsense(f"There is no {self.name} {shown(raw)!r} here.")
        return raw

    def details(self, asked: Asked) -> Mapping[str, Any]:
        return {"choices": list(self.among(asked))}


@dataclass(frozen=True)
class Flag(Parameter):
    def read(self, raw: str, _asked: Asked) -> bool:
        said = {"1": True, "true": True, "0": False, "false": False}.get(raw.lower())
        if said is None:
            raise Nonsense(f"The link's {self.name} is {shown(raw)!r}, which is neither true nor false.")
        return said


@dataclass(frozen=True)
class Number(Parameter):
    """A number of the range `limit`, which may depend on what is open."""

    limit: Limit | Callable[[Asked], Limit] = Limit("", 0, 0)

    def within(self, asked: Asked) -> Limit:
        return self.limit(asked) if callable(self.limit) else self.limit

    def read(self, raw: str, asked: Asked) -> float:
        limit = self.within(asked)
        pattern, kind = (WHOLE, "whole number") if limit.whole else (DECIMAL, "number")
        if not pattern.fullmatch(raw):
            raise Nonsense(f"The link's {self.name} is {shown(raw)!r}, which is no {kind}.")
        value = int(raw) if limit.whole else float(raw)
        if not limit.allows(value):
            least, most = digits(limit.least), digits(limit.most)
            sentence = f"The link asks for {self.name} {shown(raw)}; here it runs from {least} to {most}."
            raise Moved(min(max(value, limit.least), limit.most), sentence)
        return value

    def details(self, asked: Asked) -> Mapping[str, Any]:
        return {"least": self.within(asked).least, "most": self.within(asked).most}


@dataclass(frozen=True)
class Text(Parameter):
    """Any text of at most `longest` characters."""

    longest: int = 300

    def read(self, raw: str, _asked: Asked) -> str:
        if len(raw) > self.longest:
            sentence = f"The link's {self.name} has more than {self.longest:,} characters: it ends there."
            raise Moved(raw[: self.longest], sentence)
        return raw

    def details(self, _asked: Asked) -> Mapping[str, Any]:
        return {"most": self.longest}


@dataclass(frozen=True)
class Ids(Parameter):
    """Whole numbers joined by dots; several such lists, by underscores."""

    def read(self, raw: str, _asked: Asked) -> str:
        if not IDS.fullmatch(raw):
            raise Nonsense(f"The link's {self.name} is {shown(raw)!r}, which is no list of numbers.")
        return raw


@dataclass(frozen=True)
class Cell(Parameter):
    """A number of one of several matrices: zone.row.feature, counted from 1: k.3.5."""

    zones: Sequence[str] = ()

    @property
    def kind(self) -> str:
        return "text"

    def read(self, raw: str, _asked: Asked) -> str:
        zone, *numbers = raw.split(".")
        if zone not in self.zones or len(numbers) > 2 or not all(map(CELL.fullmatch, numbers)):
            raise Nonsense(f"There is no {self.name} {shown(raw)!r} here.")
        if missing := ("row", "feature")[len(numbers) :]:
            raise Nonsense(half_pin(missing))
        return raw


def half_pin(missing: Sequence[str]) -> str:
    return f"The link pins a cell and does not say its {' and '.join(missing)}."


def half_pinned(table: Sequence[Parameter], asked: Asked) -> str | None:
    """A sentence where a link pins a cell by some of its axes and not by all."""
    axes = [row for row in table if isinstance(row, Count) and row.while_pinned and row.when(asked)]
    said = [row for row in axes if asked.values.get(row.name)]
    needed = [name for row in said for name in row.beside] + [row.name for row in axes]
    missing = [name for name in dict.fromkeys(needed) if not asked.values.get(name)]
    return half_pin(missing) if said and missing else None


@dataclass(frozen=True)
class Readings:
    """A link, read: values by name; sentences on what makes no sense, and on what was moved."""

    values: Mapping[str, Value]
    nonsense: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


def open_rows(table: Sequence[Parameter], asked: Asked) -> list[Parameter]:
    """The rows that mean something: those of the open tab, the first where none is said, and of no tab."""
    tab = next((row for row in table if row.name == "tab"), None)
    tabs = tab.choices if isinstance(tab, Choice) and not callable(tab.choices) else ()
    said = asked.values.get("tab", "")
    is_open = said if said in tabs else next(iter(tabs), None)
    return [row for row in table if row.tab in (None, is_open) and row.when(asked)]


def read(table: Sequence[Parameter], asked: Asked) -> Readings:
    """What the link says of the parameters of an instrument, with at most one sentence each."""
    values: dict[str, Value] = {}
    nonsense, moved = [], []
    for row in open_rows(table, asked):
        if not (raw := asked.values.get(row.name)):
            continue
        try:
            values[row.name] = row.read(raw, asked)
        except Nonsense as error:
            nonsense.append(str(error))
        except Moved as error:
            values[row.name] = error.nearest
            moved.append(str(error))
    if sentence := half_pinned(open_rows(table, asked), asked):
        nonsense.append(sentence)
    return Readings(values, tuple(nonsense), tuple(moved))


# How many there are, of what many instruments count.


def layers(asked: Asked) -> int:
    """Layers of the place's stack, or of any stack."""
    anatomy = asked.glass.model.anatomy
    block = asked.block
    return anatomy.stack(block.stack).n_layers if block else max(each.n_layers for each in anatomy.stacks)


def heads(asked: Asked) -> int:
    return asked.glass.config.n_heads


def rows_of(asked: Asked, side: str) -> int:
    return len(asked.trace.sides[side].tokens)


def queries(asked: Asked) -> int | None:
    """Rows of the block's own side."""
    return rows_of(asked, asked.block.queries) if asked.block else None


def keys(asked: Asked) -> int | None:
    """Rows of the side that an attention looks at."""
    return rows_of(asked, asked.block.keys) if asked.block and asked.block.keys else None


def side_titles(asked: Asked) -> tuple[str, ...]:
    """What a link calls the sides: source, target."""
    return tuple(side.title for side in asked.glass.model.anatomy.sides)


def open_side(asked: Asked) -> str:
    """The name of the side that a link opens, the first where it says none."""
    sides = asked.glass.model.anatomy.sides
    return next((side.name for side in sides if side.title == asked.values.get("side")), sides[0].name)


def d_model(asked: Asked) -> int:
    return asked.glass.config.d_model
