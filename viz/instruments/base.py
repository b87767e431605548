"""What an instrument is: a folder beside this file whose package defines INSTRUMENT; nothing else names it.

    INSTRUMENT = Instrument(name="ffn", places=…, message=…, numbers={"exact": Numbers(exact), …})

The first picture (`message`) goes with the page; what it needs besides are numbers, which the browser asks
for at /numbers/<instrument>/<name>. A function makes them from what was `Asked`. What makes no sense is
refused by a `Refusal`, the only error whose sentence reaches a reader (status 400).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
import streamlit as st

from model import Glass, TextError, Trace, Translation
from model.anatomy import Anatomy, Block
from model.limits import Limit, LimitError
from viz import instruments as package
from viz import theme
from viz.instruments import pack
from viz.instruments.link import Parameter, whole_number

STUB = """
let view;
const address = new URL("instruments/{name}/view.js", document.baseURI).href;
try {{ ({{ default: view }} = await import(address)); }}
catch (error) {{
  console.error(error);
  view = ({{ parentElement }}) => {{ parentElement.textContent = "This view did not load. Reload."; }};
}}
export default view;
"""
"""What Streamlit gets. The scripts are plain ES modules served by `viz.server`: only numbers travel with a
change."""
SELECTION = "selection"
STATES = (SELECTION, "theme")
"""What an instrument may tell the server: what the reader chose there, and which theme the page has now."""
Picture = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]
"""Header and arrays of a message."""


class Refusal(ValueError):
    """What was asked makes no sense here; the message is one sentence for the reader."""


@contextmanager
def refusing() -> Iterator[None]:
    """Within it, what the model refuses in words is a Refusal."""
    try:
        yield
    except (TextError, LimitError) as error:
        raise Refusal(str(error)) from error


@dataclass(frozen=True)
class Answer:
    """A translation and the trace of exactly its ids."""

    translation: Translation
    trace: Trace


@dataclass(frozen=True)
class Asked:
    """What an instrument is to answer: of this model, at this place, with these `values` of an address.

    `request` names the answer in further addresses; `found` is that answer, None for numbers that are the
    model's alone. `typed` is the sentence as somebody typed it, before it was read.
    """

    glass: Glass
    place: str
    found: Answer | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    typed: str = ""

    @property
    def answer(self) -> Answer:
        """What the model said."""
        if self.found is None:
            raise LookupError("numbers that are kept for ever are the model's alone: there is no answer here")
        return self.found

    @property
    def trace(self) -> Trace:
        return self.answer.trace

    @property
    def translation(self) -> Translation:
        return self.answer.translation

    @property
    def block(self) -> Block | None:
        """The block that the place is; None where it is none (the tokens, the decoding)."""
        blocks = {block.place: block for block in self.glass.model.anatomy.blocks}
        return blocks.get(self.place)

    @property
    def layer(self) -> int | None:
        """From 0; None where the place belongs to no layer, whatever the address says."""
        anatomy, block = self.glass.model.anatomy, self.block
        if block is None or not block.is_layered:
            return None
        layer = whole_number(self.values.get("layer", ""))
        if layer is None or not 0 <= layer < anatomy.n_layers(block):
            raise Refusal("There is no such place or layer.")
        return layer

    def number(self, limit: Limit, otherwise: float) -> float:
        """The number that is called as the limit is; LimitError outside it."""
        raw = self.values.get(limit.name)
        return otherwise if raw is None else limit.read(raw)

    def whole(self, name: str, least: int, most: int) -> int:
        """The whole number `name`, within a range that the answer has; LimitError outside it."""
        return int(Limit(name, least, most, whole=True).read(self.values.get(name, "")))


@dataclass(frozen=True)
class Numbers:
    """Packed numbers that a browser asks for; those of the model alone it may keep for ever."""

    make: Callable[[Asked], bytes]
    keep: Literal["brief", "for ever"] = "brief"

    def send(self, asked: Asked) -> bytes:
        """The numbers; raises Refusal where there are none for what is asked."""
        with refusing():
            return self.make(asked)


@dataclass(frozen=True)
class Instrument:
    """`places`: where it is, in a model of that anatomy; none for what stands beside every place, as the map.

    `message` is its first picture: the header gains what every instrument needs. `link`: what of the picture
    a link restores, besides the place.
    """

    name: str
    places: Callable[[Anatomy], tuple[str, ...]]
    message: Callable[[Asked], Picture]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    link: tuple[Parameter, ...] = ()

    def first(self, asked: Asked) -> bytes:
        """The packed message of the first picture."""
        header, arrays = self.message(asked)
        needed = {
            "place": asked.place,
            "request": asked.request,
            "palette": theme.palette(),
            "link": [parameter.described(asked) for parameter in self.link],
        }
        return pack({**needed, **header}, arrays)

    def called(self, name: str) -> Numbers | None:
        """The numbers of that name; "message" is the first picture, of any answer."""
        return Numbers(self.first) if name == "message" else self.numbers.get(name)


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every instrument by its name, found by listing the folders."""
    modules = [
        import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if found.ispkg
    ]
    found = [module.INSTRUMENT for module in modules if hasattr(module, "INSTRUMENT")]
    return {instrument.name: instrument for instrument in found}


def places(anatomy: Anatomy) -> tuple[str, ...]:
    """Where a reader can be in that model: in order of computation, then what no block has."""
    own = [place for each in instruments().values() for place in each.places(anatomy)]
    return tuple(dict.fromkeys([*(place for place in anatomy.places() if place in own), *own]))


def instrument_at(place: str, anatomy: Anatomy) -> Instrument:
    """The instrument of a place of that model."""
    return next(each for each in instruments().values() if place in each.places(anatomy))


def instruments_beside(place: str, anatomy: Anatomy) -> list[str]:
    """Names of the instruments on the screen while a place is open: its own, and those beside every place."""
    places = {each.name: each.places(anatomy) for each in instruments().values()}
    return [name for name, own in places.items() if not own or place in own]


@cache
def renderer(name: str) -> Callable[..., Any]:
    return st.components.v2.component(f"glassbox_{name}", js=STUB.format(name=name))


def mount(instrument: Instrument, asked: Asked) -> None:
    """Show the instrument on the page."""
    heard: dict[str, Callable[[], None]] = {f"on_{state}_change": lambda: None for state in STATES}
    renderer(instrument.name)(key=instrument.name, data=instrument.first(asked), height="content", **heard)
