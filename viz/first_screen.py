"""The page as it first comes: Streamlit's, with words until the app stands, and what to fetch at once.

Streamlit's page knows nothing of what the app will ask for: the scripts of its widgets come when the socket
has named them, ours after those, each when another has imported it. The links below name them all together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viz.asgi import held_back, send_whole
from viz.scripts import is_known, reached, tag_of

Addresses = Callable[[Mapping[str, str]], Iterable[str]]
"""From a link's parameters to the scripts and style sheets of its first picture, relative to the page."""
CONDITIONS = (b"if-none-match", b"if-modified-since")
OF_ITS_BODY = (b"content-length", b"etag", b"last-modified")
"""Headers that say something of Streamlit's page and not of ours."""
BUNDLE = "static/js"
WIDGETS = ("Html", "TextInput", "NumberInput", "Selectbox", "Button", "Checkbox", "BidiComponent")
"""What the page is made of whose scripts are no part of Streamlit's first bundle. A test in the browser holds
this list to what is asked for."""
TITLE = "Glassbox"
WORDS = (
    "A Transformer that you can see through: it translates an English sentence, and every number on the way "
    "is on the screen.",
    "The page is on its way.",
)
ROOT = '<div id="root">'
"""Where Streamlit puts the app."""
# In the system's colours and typeface, which are here already; gone when the app shows its first element.
STYLE = """
#first-screen { position: fixed; inset: 0; z-index: 1; padding: 1.2rem 3rem; color-scheme: light dark;
  background: Canvas; color: CanvasText; font: 17px/1.5 system-ui, sans-serif }
#first-screen b { font-size: 1.6em }
body:has(.stElementContainer > :not(.stAppSkeleton), [role="dialog"]) #first-screen { display: none }
@media (scripting: none) { #first-screen { display: none } }
"""


def widgets(static: Path) -> list[str]:
    """Addresses of the scripts of WIDGETS, of which Streamlit's folder `static` has one each."""
    entries = (script for name in WIDGETS for script in sorted((static / BUNDLE).glob(f"{name}.*.js")))
    return [script.relative_to(static).as_posix() for script in reached(entries)]


def screen() -> str:
    words = "".join(f"<p>{escape(line)}</p>" for line in WORDS)
    return f'<style>{STYLE}</style><div id="first-screen"><b>{escape(TITLE)}</b>{words}</div>'


def link_to(address: str) -> str:
    """Style sheets are fetched by scripts. The app's own first steps go before: they lead to the socket."""
    kind = 'rel="modulepreload"' if address.endswith(".js") else 'rel="preload" as="fetch"'
    return f'<link {kind} fetchpriority="low" crossorigin href="./{quote(address)}">'


def completed(page: str, addresses: Iterable[str]) -> str:
    """Streamlit's page with the words, and links to what it does not name itself; any other as it is."""
    if ROOT not in page:
        return page
    links = "".join(link_to(address) for address in addresses if f"./{address}" not in page)
    return page.replace("</head>", f"{links}</head>", 1).replace(ROOT, f"{screen()}{ROOT}", 1)


def is_page(start: Message) -> bool:
    media_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and media_type.startswith("text/html")


def answer(start: Message, page: bytes, request: Request) -> tuple[Message, bytes]:
    """The page under a tag of its own, or 304 to who has it already."""
    tag = tag_of(page)
    is_same = is_known(tag, request)
    headers = MutableHeaders(raw=[pair for pair in start["headers"] if pair[0] not in OF_ITS_BODY])
    headers["ETag"] = tag
    if not is_same:
        headers["Content-Length"] = str(len(page))
    return {**start, "status": 304 if is_same else 200, "headers": headers.raw}, b"" if is_same else page


class FirstScreen:
    """Completes the page on its way out; everything else passes by."""

    def __init__(self, app: ASGIApp, addresses: Addresses) -> None:
        self.app = app
        self.addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_get = scope["type"] == "http" and scope["method"] == "GET"
        if not is_get or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        # Whether the page is still the same is answered here: Streamlit knows only its own.
        headers = [pair for pair in scope["headers"] if pair[0] not in CONDITIONS]
        if held := await held_back(self.app, {**scope, "headers": headers}, receive, send, is_page):
            request = Request(scope)
            page = completed(held.body.decode(), self.addresses(request.query_params)).encode()
            await send_whole(*answer(held.start, page, request), send)
