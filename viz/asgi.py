"""What a middleware needs that changes an answer's body: the whole of it, before anything of it is sent."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BY_PATH = "http.response.pathsend"
"""A server's own way to send a file: its bytes would not come by here."""


class Held:
    """An answer that was held back: its start (status and headers) and its body."""

    def __init__(self, start: Message) -> None:
        self.start = start
        self.parts: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


async def held_back(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, wants: Callable[[Message], bool]
) -> Held | None:
    """The app's answer if `wants` says so of its start; any other goes on as it comes, and None is left."""
    held: Held | None = None

    async def take(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and wants(message):
            held = Held(message)
        elif held and message["type"] == "http.response.body":
            held.parts.append(message.get("body", b""))
        else:
            await send(message)

    extensions = {name: value for name, value in scope.get("extensions", {}).items() if name != BY_PATH}
    await app({**scope, "extensions": extensions}, receive, take)
    return held


async def send_whole(start: Message, body: bytes, send: Send) -> None:
    """An answer in one piece. Headers are added to on the way out: each answer has its own."""
    await send({**start, "headers": list(start["headers"])})
    await send({"type": "http.response.body", "body": body})
