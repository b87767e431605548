"""What an instrument is asked, without a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from model import Glass, Trace, Translation
from viz.instruments.base import Answer, Asked, Refusal, instruments

Page = tuple[Glass | None, Trace, Translation | None]
"""A model and its answer to the sentence on the page; None for what the instrument does not look at."""


TEXT = "Where is the station?"


def answer(glass: Glass, text: str = TEXT, beam: int = 1, **options: Any) -> Page:
    """The page of a text: the model, its answer's trace, its answer."""
    translation = glass.translate(text, beam)
    return glass, glass.trace(text, translation, **options), translation


def asked_of(page: Page, place: str, **values: object) -> Asked:
    """The question that an address with these `values` puts about the page's answer."""
    glass, trace, translation = page
    texts = {name: str(value) for name, value in values.items()}
    return Asked(glass, place, Answer(translation, trace), values=texts)


def first(name: str, page: Page, place: str = "", request: Mapping[str, Any] | None = None) -> bytes:
    """The packed first picture of the instrument called `name`."""
    glass, trace, translation = page
    typed = translation.source if translation else ""
    asked = Asked(glass, place, Answer(translation, trace), request or {}, typed=typed)
    return instruments()[name].first(asked)


def decoding_numbers(name: str, page: Page, **values: object) -> bytes:
    """What a part of the decoding instrument answers; raises Refusal where it makes no sense."""
    return instruments()["decoding"].numbers[name].send(asked_of(page, "decoding", **values))


def decoding_refusal(name: str, page: Page, **values: object) -> str:
    """The sentence by which a part of the decoding instrument refuses."""
    with pytest.raises(Refusal) as refused:
        decoding_numbers(name, page, **values)
    return str(refused.value)
