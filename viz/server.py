"""Around the model: warm-up, one bounded executor, caches; the server's routes, headers and readiness.

Forward passes run in a small pool whose threads are set up once; caches hold what pages need, bounded in
bytes, and are keyed by (model, text, beam). Nothing here belongs to a user.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import streamlit as st
import torch
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model import CheckpointError, Glass, TextError, load, names
from model.card import WIDEST_BEAM
from model.text import read
from viz.compression import Compression
from viz.first_screen import FirstScreen, widgets
from viz.instruments.base import (
    Answer,
    Asked,
    Numbers,
    Refusal,
    instruments,
    instruments_beside,
    refusing,
)
from viz.instruments.link import whole_number
from viz.scene import examples, from_link
from viz.scripts import Scripts

log = logging.getLogger("glassbox")
INSTRUMENTS = Path(__file__).resolve().parent / "instruments"
STREAMLIT = Path(st.__file__).resolve().parent / "static"
scripts = Scripts(INSTRUMENTS)
SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; script-src 'self' blob: 'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='; "
    "connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)
KEPT = {"brief": "private, max-age=60", "for ever": "public, max-age=31536000, immutable"}
ready = Event()
PADDING = 3
"""Padding tokens that the switch "pad the sentence" adds to the longer side (if it is full: to the other)."""


@cache
def executor() -> ThreadPoolExecutor:
    """The threads that compute: as many as there are cores, one torch thread each."""
    workers = max(
        1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )
    return ThreadPoolExecutor(workers, "glass", initializer=torch.set_num_threads, initargs=(1,))


@cache
def glasses() -> tuple[dict[str, Glass], dict[str, str]]:
    """Every checkpoint that loads, by name, and for every other one the sentence that says why not.

    Whatever a folder holds, the others load and the app starts.
    """
    loaded, broken = {}, {}
    for name in names():
        try:
            name.encode()
            loaded[name] = load(name)
        except CheckpointError as error:
            broken[name] = str(error)
            log.warning("skipped checkpoint %s: %s", name, error)
        except UnicodeEncodeError:
            broken[name.encode(errors="backslashreplace").decode()] = "Its name is no text."
        except Exception:
            broken[name] = "It does not load; the server's log says why."
            log.exception("skipped checkpoint %s", name)
    return dict(sorted(loaded.items())), broken


def padded_length(one: int, other: int, room: int) -> int:
    """Where to pad both sides to: beyond the longer one, or, if that is full, beyond the other."""
    shorter, longer = sorted((one, other))
    return min((longer if longer < room else shorter) + PADDING, room)


def compute(model: str, text: str, beam: int, padded: bool) -> Answer:
    glass = glasses()[0][model]
    translation = glass.translate(text, beam)
    trace = glass.trace(text, translation)
    if padded:
        room = min(side.limit for side in trace.anatomy.sides)
        one, other = (len(rows.ids) for rows in trace.sides.values())
        trace = glass.trace(text, translation, pad_to=padded_length(one, other, room))
    return Answer(translation, trace)


@st.cache_data(max_entries=512, max_size="256MiB", show_spinner=False)
def answer(model: str, text: str, beam: int = 1, padded: bool = False) -> Answer:
    """Translation (greedy where `beam` is 1) and trace of a text; raises TextError where it does not fit.

    `padded` fills both sides up with a few padding tokens on purpose, so that the padding mask can be seen.
    """
    return executor().submit(compute, model, text, beam, padded).result()


def version(model: str) -> str:
    """Checksum of the weights that were loaded: part of the address of what a browser may keep for ever."""
    return glasses()[0][model].weights_sha256[:16]


def request_of(model: str, text: str, beam: int, padded: bool = False) -> dict[str, Any]:
    """What names an answer to the routes below."""
    return {"model": model, "text": text, "beam": beam, "pad": int(padded), "version": version(model)}


def warm_up_model(model: str) -> None:
    """Compute the examples that the model takes, as the page decodes them."""
    glass = glasses()[0][model]
    for text in examples(glass):
        with contextlib.suppress(TextError):
            answer(model, read(text), glass.decoding.beam)


def warm_up() -> None:
    """Load the checkpoints and compute the examples, so that the first visitor finds them ready."""
    loaded, broken = glasses()
    for model in list(loaded):
        try:
            warm_up_model(model)
        except Exception:
            broken[model] = "It loads, but does not translate; the server's log says why."
            del loaded[model]
            log.exception("skipped checkpoint %s", model)
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    warm_up()
    ready.set()
    yield
    executor().shutdown(cancel_futures=True)


def asked_answer(values: Mapping[str, str]) -> tuple[Answer, dict[str, Any]]:
    """The answer that an address names, and its name; raises Refusal."""
    model, text, padded = values.get("model", ""), values.get("text", ""), values.get("pad") == "1"
    beam = whole_number(values.get("beam", ""))
    if beam is None or not 1 <= beam <= WIDEST_BEAM:
        raise Refusal("There is no such model or beam.")
    with refusing():
        return answer(model, text.strip(), beam, padded), request_of(model, text, beam, padded)


def asked_by(request: Request) -> tuple[Numbers, Asked]:
    """The numbers that an address asks for, and of what; raises Refusal."""
    values = request.query_params
    instrument = instruments().get(request.path_params["instrument"])
    numbers = instrument and instrument.called(request.path_params["name"])
    if not instrument or not numbers:
        raise Refusal("There are no such numbers.")
    glass = glasses()[0].get(values.get("model", ""))
    if glass is None:
        raise Refusal("There is no such model or beam.")
    places = instrument.places(glass.model.anatomy)
    place = values.get("place", places[0] if len(places) == 1 else "")
    if place not in places:
        raise Refusal("There is no such place or layer.")
    if numbers.keep == "for ever":
        return numbers, Asked(glass, place, values=values)
    found, name = asked_answer(values)
    return numbers, Asked(glass, place, found, name, values, values.get("text", ""))


def numbers(request: Request) -> Response:
    """Packed numbers of an instrument; 400 and a sentence for what makes no sense, 500 for our own fault."""
    try:
        wanted, asked = asked_by(request)
        body = executor().submit(wanted.send, asked).result()
    except Refusal as refusal:
        return PlainTextResponse(str(refusal), 400)
    except Exception:
        log.exception("no numbers for %s", request.url)
        return PlainTextResponse("The server made a mistake here; its log says which.", 500)
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": KEPT[wanted.keep]})


def readiness(_request: Request) -> Response:
    """200 once the examples are computed."""
    return PlainTextResponse("ready") if ready.is_set() else PlainTextResponse("warming up", 503)


def routes() -> list[Route]:
    return [
        Route("/instruments/{path:path}", scripts.serve),
        Route("/numbers/{instrument}/{name}", numbers),
        Route("/readyz", readiness),
    ]


class SecurityHeaders:
    """Adds the headers that keep the page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = SECURITY_POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def first_addresses(link: Mapping[str, str]) -> list[str]:
    """Scripts and style sheets of a link's first picture: its place's, and what stands beside every place."""
    scene, loaded = from_link(link)[0], glasses()[0]
    glass = loaded.get(scene.model, next(iter(loaded.values()), None))
    shown = []
    if glass:
        anatomy = glass.model.anatomy
        shown = instruments_beside(scene.place_in(anatomy)[0], anatomy)
    needed = (path.relative_to(INSTRUMENTS).as_posix() for path in scripts.needed(shown))
    return [*widgets(STREAMLIT), *(f"instruments/{address}" for address in needed)]


def middleware() -> list[Middleware]:
    """The outermost first."""
    return [
        Middleware(SecurityHeaders),
        Middleware(Compression),
        Middleware(FirstScreen, addresses=first_addresses),
    ]
