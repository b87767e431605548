"""Around the model: warm-up, one bounded executor, caches; the server's routes, headers and readiness.

Forward passes run in a small pool whose threads are set up once; caches hold what pages need, bounded in
bytes, and are keyed by (model, text, beam). Nothing here belongs to a user.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event

import streamlit as st
import torch
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model import CheckpointError, Glass, Trace, Translation, load, names
from viz.scene import DEFAULT_MODEL, EXAMPLES

log = logging.getLogger("glassbox")
INSTRUMENTS = Path(__file__).resolve().parent / "instruments"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; script-src 'self' blob: 'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='; "
    "connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)
ready = Event()


@dataclass(frozen=True)
class Answer:
    """A translation and the trace of exactly its ids."""

    translation: Translation
    trace: Trace


@cache
def executor() -> ThreadPoolExecutor:
    """The threads that compute: as many as there are cores, one torch thread each."""
    workers = max(
        1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )
    return ThreadPoolExecutor(workers, "glass", initializer=torch.set_num_threads, initargs=(1,))


@cache
def glasses() -> tuple[dict[str, Glass], dict[str, str]]:
    """Every checkpoint that loads, by name, and for every other one the sentence that says why not."""
    loaded, broken = {}, {}
    for name in names():
        try:
            loaded[name] = load(name)
        except CheckpointError as error:
            broken[name] = str(error)
            log.warning("skipped checkpoint %s: %s", name, error)
    order = sorted(loaded, key=lambda name: (name != DEFAULT_MODEL, name))
    return {name: loaded[name] for name in order}, broken


def compute(model: str, text: str, beam: int) -> Answer:
    glass = glasses()[0][model]
    translation = glass.translate(text, beam)
    return Answer(translation, glass.trace(text, translation))


@st.cache_data(max_entries=512, max_size="256MiB", show_spinner=False)
def answer(model: str, text: str, beam: int = 1) -> Answer:
    """Translation (greedy where `beam` is 1) and trace of a text; raises TextError where it does not fit."""
    return executor().submit(compute, model, text, beam).result()


def warm_up() -> None:
    """Load the checkpoints and compute the examples, so that the first visitor finds them ready."""
    for model in glasses()[0]:
        for text in EXAMPLES:
            answer(model, text)
    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    warm_up()
    ready.set()
    yield
    executor().shutdown(cancel_futures=True)


def instrument_file(request: Request) -> Response:
    """A script or style sheet of an instrument; nothing else leaves the folder."""
    wanted = request.path_params["path"]
    files = (path for path in INSTRUMENTS.rglob("*") if path.relative_to(INSTRUMENTS).as_posix() == wanted)
    path = next(files, None)
    if not path or path.suffix not in MEDIA_TYPES or not path.resolve().is_relative_to(INSTRUMENTS):
        return PlainTextResponse("There is no such file.", 404)
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers={"Cache-Control": "no-cache"})


def readiness(request: Request) -> Response:
    """200 once the examples are computed."""
    return PlainTextResponse("ready") if ready.is_set() else PlainTextResponse("warming up", 503)


def routes() -> list[Route]:
    return [Route("/instruments/{path:path}", instrument_file), Route("/readyz", readiness)]


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


def middleware() -> list[Middleware]:
    return [Middleware(SecurityHeaders)]
