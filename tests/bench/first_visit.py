"""A first visit over a slow line: when words and the first picture come, and what is sent until all is there.

    python -m tests.bench.first_visit [--repeats 3] [--link "place=decoding"] [--speed 200] [--latency 150]

Starts the app and opens it in Chromium with nothing cached, behind 200 kB/s each way and 150 ms. Times are
seconds after the page's first byte, and medians; the second visit, with what the first one left in the
browser's cache, is counted beside it. The last line is the same as one JSON object.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from model.command import Parser, execute, number, reporting, write
from model.limits import COUNT, Limit
from tests.browser.conftest import launch_arguments
from tests.helpers.servers import REPOSITORY, started

SPEED = Limit("speed", 1, 1_000_000, whole=True)
LATENCY = Limit("latency", 0, 60_000, whole=True)
BUDGETS = {"picture_s": 8.0}
MEANING = {
    "words_s": "first words on the screen, s",
    "picture_s": "first picture, s",
    "checked_s": "its head recomputed in the browser (attention only), s",
    "requests": "requests of the first visit",
    "bytes": "bytes of the first visit",
    "socket_bytes": "bytes of the first visit over the socket",
    "again_requests": "requests of the second visit that reach the server",
    "again_bytes": "bytes of the second visit",
    "again_picture_s": "first picture of the second visit, s",
}
LARGEST = 10
PATIENCE_MS = 120_000
SETTLED_MS = 1_500
"""What is still on its way after the last picture is waited for so long."""
# Notes when words and pictures are first there. Words count once the browser has painted something with
# content: a text whose typeface is still on its way is there, but not seen. The map is not yet the picture.
SEEN = """
window.seen = {};
const note = (name, isThere) => { if (isThere && !seen[name]) seen[name] = performance.now(); };
const look = () => {
  const nodes = [...document.querySelectorAll("*")];
  const roots = nodes.map((node) => node.shadowRoot).filter(Boolean);
  const find = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  const isPainted = performance.getEntriesByName("first-contentful-paint").length > 0;
  note("words", isPainted && document.body.innerText.trim());
  const isDrawn = (node) => (node.tagName === "CANVAS" ? node.painted?.length : true);
  const isPicture = (node) => isDrawn(node) && node.checkVisibility();
  note("picture", find(".instrument:not(.map) :is(canvas, svg, .track)").some(isPicture));
  note("checked", find(".check.right").length);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


@dataclass(frozen=True)
class Line:
    """Between the browser and the server."""

    kilobytes_per_second: int
    latency_ms: int

    @property
    def conditions(self) -> dict[str, Any]:
        speed = 1_000 * self.kilobytes_per_second
        limits = {"latency": self.latency_ms, "downloadThroughput": speed, "uploadThroughput": speed}
        return limits | {"offline": False}


@dataclass
class Traffic:
    """What a page asked for and got, counted as it came over the line (headers included)."""

    responses: dict[str, int] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    urls: dict[str, str] = field(default_factory=dict)
    socket_bytes: int = 0

    def watch(self, page: Page, line: Line) -> None:
        inspector = page.context.new_cdp_session(page)
        inspector.send("Network.enable")
        inspector.send("Network.emulateNetworkConditions", line.conditions)
        inspector.on("Network.requestWillBeSent", self.on_request)
        inspector.on("Network.loadingFinished", self.on_end)
        inspector.on("Network.webSocketFrameReceived", self.on_frame)

    def on_request(self, event: dict[str, Any]) -> None:
        if urlsplit(event["request"]["url"]).scheme.startswith("http"):
            self.urls[event["requestId"]] = event["request"]["url"]

    def on_end(self, event: dict[str, Any]) -> None:
        """Nothing over the line: it came from the browser's cache."""
        if event["requestId"] in self.urls and event["encodedDataLength"]:
            self.responses[event["requestId"]] = int(event["encodedDataLength"])

    def on_frame(self, event: dict[str, Any]) -> None:
        """Payloads of binary frames are told in base64."""
        self.socket_bytes += 3 * len(event["response"]["payloadData"]) // 4

    @property
    def largest(self) -> list[tuple[int, str]]:
        sizes = sorted(((size, urlsplit(self.urls[key]).path) for key, size in self.responses.items()))
        return sizes[::-1][:LARGEST]


def visit(context: BrowserContext, url: str, line: Line) -> tuple[dict[str, float], Traffic]:
    """Opens the page: seconds after its first byte, and the traffic until all is there."""
    page, traffic = context.new_page(), Traffic()
    page.add_init_script(SEEN)
    traffic.watch(page, line)
    page.goto(url, wait_until="commit", timeout=PATIENCE_MS)
    page.wait_for_function("() => seen.picture", timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLED_MS)
    first_byte = page.evaluate("performance.getEntriesByType('navigation')[0].responseStart")
    seen = {name: (at - first_byte) / 1000 for name, at in page.evaluate("seen").items()}
    page.close()
    return seen, traffic


def measure_once(browser: Browser, url: str, line: Line) -> tuple[dict[str, float], Traffic]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    first, traffic = visit(context, url, line)
    again, more = visit(context, url, line)
    context.close()
    found = {f"{name}_s": at for name, at in first.items()}
    found |= {"requests": len(traffic.responses), "bytes": sum(traffic.responses.values())}
    found |= {"socket_bytes": traffic.socket_bytes, "again_requests": len(more.responses)}
    return found | {"again_bytes": sum(more.responses.values()), "again_picture_s": again["picture"]}, traffic


def measure(link: str, line: Line, repeats: int) -> tuple[dict[str, float], Traffic]:
    """Medians of `repeats` first visits, and the traffic of the last of them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        started(REPOSITORY, Path(folder) / "log") as server,
    ):
        browser = playwright.chromium.launch(**launch_arguments())
        address = f"{server.ready()}/?{link}"
        visits = [measure_once(browser, address, line) for _ in range(repeats)]
        browser.close()
    founds = [found for found, _ in visits]
    return {name: statistics.median(f[name] for f in founds) for name in founds[0]}, visits[-1][1]


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m tests.bench.first_visit", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=number(COUNT.but(name="repeats")), default=3)
    parser.add_argument("--link", default="", help='what stands behind the address\'s "?"')
    parser.add_argument("--speed", type=number(SPEED), default=200, help="kB/s each way")
    parser.add_argument("--latency", type=number(LATENCY), default=150, help="ms")
    options = parser.read(arguments)
    found, traffic = measure(options.link, Line(options.speed, options.latency), options.repeats)
    for name in (name for name in MEANING if name in found):
        budget = f"at most {BUDGETS[name]:,}" if name in BUDGETS else ""
        write(f"{MEANING[name]:<64}{round(found[name], 2):>12,}   {budget}")
    write("largest responses, bytes:")
    for size, path in traffic.largest:
        write(f"  {path:<62}{size:>12,}")
    write(json.dumps({name: round(value, 3) for name, value in found.items()}))
    return 0


if __name__ == "__main__":
    execute(main)
