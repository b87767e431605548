"""What the browser may ask the decoding instrument for: a registry of parts, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model import Glass, Trace, Translation
from model.limits import Limit
from viz.instruments import pack
from viz.scene import whole_number

Part = Callable[[Glass, Trace, Translation, Mapping[str, str]], bytes]
PARTS: dict[str, Part] = {}


def part(name: str) -> Callable[[Part], Part]:
    """Decorator: answer the requests for `name`; nonsense raises ValueError (TextError) with a sentence."""

    def add(function: Part) -> Part:
        PARTS[name] = function
        return function

    return add


def numbers(glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]) -> bytes:
    """The message of the part that `values["part"]` names; raises ValueError where there is no such part.

    What a reader typed may make no sense: then the message has `trouble` in its header, a sentence.
    """
    function = PARTS.get(values.get("part", ""))
    if function is None:
        raise ValueError("There is no such part of the decoding.")
    try:
        return function(glass, trace, translation, values)
    except ValueError as error:
        return pack({"trouble": str(error)}, {})


def number(values: Mapping[str, str], limit: Limit, otherwise: float) -> float:
    """The number of that name, within its range; raises LimitError (a ValueError) with a sentence."""
    raw = values.get(limit.name)
    return otherwise if raw is None else limit.read(raw)


def whole(values: Mapping[str, str], name: str, least: int, most: int) -> int:
    """The whole number `name` within a range that the answer has; raises LimitError with a sentence."""
    return int(Limit(name, least, most, whole=True).read(values.get(name, "")))


def ids_of(glass: Glass, raw: str) -> list[int]:
    """Token ids written as "12.7.301" (links and addresses); raises ValueError with a sentence."""
    found = [whole_number(piece) for piece in raw.split(".")] if raw else []
    if any(i is None or not 0 <= i < glass.config.vocab_size for i in found):
        raise ValueError(f"Token ids run from 0 to {glass.config.vocab_size - 1}.")
    return found
