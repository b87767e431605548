"""Packs what goes out: Streamlit sends its own bundle as it is, 2.5 MB at a first visit, 0.6 MB when packed.

What never changes under its address (Streamlit's files, whose names hold a checksum) is packed once and kept;
the page itself is packed each time. What was packed before is left alone. gzip, because browsers take nothing
better over plain http.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viz.asgi import held_back, send_whole

PACKABLE = (
    *("text/html", "text/css", "text/javascript", "application/javascript"),
    *("application/json", "image/svg+xml"),
)
LEAST = 500
"""Bytes below which packing gains nothing."""
MOST_KEPT = 16 * 2**20
"""Bytes; all of Streamlit's bundle takes less than half of that."""
CONDITIONS = ("if-none-match", "if-modified-since")
"""What a browser asks with that has it already: whether that holds is not decided here."""


def is_packable(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return start["status"] == 200 and media_type in PACKABLE and "content-encoding" not in headers


def lasts(start: Message) -> bool:
    """Whether this answer is the same for everybody and for ever."""
    headers = Headers(raw=start["headers"])
    return "immutable" in headers.get("cache-control", "") and "set-cookie" not in headers


async def packed(start: Message, body: bytes) -> tuple[Message, bytes]:
    """The answer as it is sent; packed or not, its tag says the same: a weak one."""
    headers = MutableHeaders(raw=list(start["headers"]))
    headers.add_vary_header("Accept-Encoding")
    if len(body) >= LEAST:
        body = await to_thread.run_sync(gzip.compress, body)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(body))
        if "etag" in headers:
            headers["ETag"] = f"W/{headers['etag'].removeprefix('W/')}"
    return {**start, "headers": headers.raw}, body


class Compression:
    """Packs answers of a type in PACKABLE for who takes gzip, and keeps those that last."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[str, tuple[Message, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Mapping[str, str] = Headers(raw=scope["headers"]) if scope["type"] == "http" else {}
        packs = "gzip" in asked.get("accept-encoding", "") and "range" not in asked
        if not packs or scope["method"] != "GET":
            await self.app(scope, receive, send)
        elif scope["path"] in self.kept and not any(name in asked for name in CONDITIONS):
            await send_whole(*self.kept[scope["path"]], send)
        elif held := await held_back(self.app, scope, receive, send, is_packable):
            start, body = await packed(held.start, held.body)
            if lasts(start):
                self.keep(scope["path"], start, body)
            await send_whole(start, body, send)

    def keep(self, path: str, start: Message, body: bytes) -> None:
        if len(body) + sum(len(other) for _, other in self.kept.values()) <= MOST_KEPT:
            self.kept[path] = start, body
