"""A running app, and pages in Chromium that fail their test on any error or any request off this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from model import Glass, Trace, load
from tests.helpers import servers
from tests.helpers.head import REFUSED, SENTENCE
from tests.helpers.servers import REPOSITORY

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# Notes when the page sends something to the server.
LISTEN = """
window.sentAt = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  window.sentAt.push(performance.now());
  return send.call(this, data);
};
"""


def launch_arguments() -> dict[str, Any]:
    """How Chromium is started: the machine's own, headless, and quiet on the network.

    The pages of a context share a process, and so what is compiled of Streamlit's scripts: a visit costs two
    thirds of what it does otherwise.
    """
    switches = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --process-per-site"
    )
    browser = next(path for path in map(shutil.which, BROWSERS) if path)
    return {"executable_path": browser, "headless": True, "args": switches.split()}


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return launch_arguments()


@pytest.fixture(scope="session")
def base_url() -> None:
    """None: every test says where it goes. (The plugin's own fixture sets off a deprecation of pytest's.)"""


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is in the repository, with its trained checkpoint."""
    with servers.serving("app", lambda: REPOSITORY, tmp_path_factory.mktemp("app") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def glass() -> Glass:
    """The model that `app` shows."""
    return load("en-de")


@pytest.fixture(scope="session")
def zoo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the app with checkpoints of several sizes and a broken one, to read."""
    if folder := servers.shared():
        return folder / "zoo"
    return servers.make_zoo(tmp_path_factory.mktemp("zoo") / "app")


@pytest.fixture(scope="session")
def zoo(zoo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.serving("zoo", lambda: zoo_folder, tmp_path_factory.mktemp("zoo-log") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def zoo_glass(zoo_folder: Path) -> Callable[[str], Glass]:
    """The models that `zoo` shows, by name."""
    loaded = {name: load(zoo_folder / "checkpoints" / name) for name in ("en-de", "one", "wide", "pre")}
    return loaded.__getitem__


@pytest.fixture(scope="session")
def zoo_trace(zoo_glass: Callable[[str], Glass]) -> Trace:
    """What the zoo's default model computes for SENTENCE."""
    glass = zoo_glass("en-de")
    return glass.trace(SENTENCE, glass.translate(SENTENCE))


def settle(page: Page) -> None:
    """Wait until all parts are there and placed, and the server has nothing more to say."""
    page.locator(".check.right, .check.wrong").wait_for()
    page.locator(".chip").first.wait_for()
    page.locator(IDLE).wait_for()
    page.evaluate("new Promise((placed) => requestAnimationFrame(() => requestAnimationFrame(placed)))")


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Browser contexts by their options. Tests with equal options share one, and so its cache of scripts."""
    opened: dict[str, BrowserContext] = {}

    def context(**options: object) -> BrowserContext:
        key = json.dumps(options, sort_keys=True)
        if key not in opened:
            opened[key] = browser.new_context(**options)
        return opened[key]

    yield context
    for each in opened.values():
        each.close()


@pytest.fixture(scope="session")
def bare(contexts: Callable[..., BrowserContext], zoo: str) -> Iterator[Callable[..., Page]]:
    """`bare(ratio)`: a page of the server without the app, with so many device pixels to a CSS pixel."""
    pages: dict[float, Page] = {}

    def page(ratio: float = 1) -> Page:
        if ratio not in pages:
            options = {"viewport": {"width": 400, "height": 300}, "device_scale_factor": ratio}
            pages[ratio] = contexts(**options).new_page()
            pages[ratio].set_default_timeout(PATIENCE_MS)
            pages[ratio].goto(f"{zoo}/readyz")
        return pages[ratio]

    yield page
    for each in pages.values():
        each.close()


@contextmanager
def visiting(contexts: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """`visit(url, {context options}, **link)` opens the app and waits `until` it is all there.

    `before` is called with the page before it goes there. Leaving fails if a page logged an error, threw, or
    asked another machine for anything.
    """
    wrong: list[str] = []
    pages: list[Page] = []

    def on_console(message: ConsoleMessage) -> None:
        refused = "status of 400" in message.text and "/numbers/" in message.location["url"]
        if message.type == "error" and not (refused and message.page in REFUSED):
            wrong.append(f"console: {message.text}")

    def on_request(request: Request) -> None:
        if (
            urlsplit(request.url).scheme not in ("data", "blob")
            and urlsplit(request.url).hostname != "127.0.0.1"
        ):
            wrong.append(f"request: {request.url}")

    def open_(
        url: str,
        options: dict[str, object] | None = None,
        before: Callable[[Page], None] = lambda page: None,
        until: Callable[[Page], None] = settle,
        **link: object,
    ) -> Page:
        page = contexts(**{"viewport": {"width": 1280, "height": 720}} | (options or {})).new_page()
        pages.append(page)
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", on_console)
        page.on("pageerror", lambda error: wrong.append(f"page: {error}"))
        page.on("request", on_request)
        page.on("websocket", lambda socket: on_socket(socket.url))
        page.add_init_script(LISTEN)
        before(page)
        page.goto(f"{url}/?{urlencode(link)}" if link else url)
        until(page)
        return page

    def on_socket(url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            wrong.append(f"websocket: {url}")

    yield open_
    for page in pages:
        page.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def visit(contexts: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Opens pages that this test has for itself."""
    with visiting(contexts) as open_:
        yield open_


@pytest.fixture(scope="module")
def visit_once(contexts: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Opens pages that the tests of a module share."""
    with visiting(contexts) as open_:
        yield open_
