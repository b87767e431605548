"""What the tests read off the screen, and what they expect there."""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np
from playwright.sync_api import Locator, Page, expect

from model import Trace
from tests.helpers.places import TITLES, head_title
from viz import theme
from viz.labels import query_labels

# Finds the cells' frame as a reader would: by pointing at places and reading which row and column are named.
# A point lies outside if the readout stays where the pointer was before; two starting points tell.
FRAME = """
(node, [rows, columns]) => {
  const box = node.getBoundingClientRect();
  const readout = node.getRootNode().querySelector(".readout");
  const point = (x, y) => {
    node.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + x, clientY: box.top + y }));
    return readout.textContent.match(/\\(row \\d+\\)|\\(column \\d+\\)/g).join();
  };
  const from = [[0.72 * box.width, 0.7 * box.height], [0.6 * box.width, 0.95 * box.height]];
  const inside = (x, y) => {
    const seen = from.map((start) => { point(...start); return point(x, y); });
    return seen[0] === seen[1];
  };
  const [x0, y0] = from[0];
  const edge = (within, without, test) => {
    while (Math.abs(within - without) > 0.25) {
      const middle = (within + without) / 2;
      if (test(middle)) within = middle; else without = middle;
    }
    return (within + without) / 2;
  };
  const across = (x) => inside(x, y0), down = (y) => inside(x0, y);
  const left = edge(x0, 0, across), right = edge(x0, box.width, across);
  const top = edge(y0, 0, down), bottom = edge(y0, box.height, down);
  return { left, top, cellWidth: (right - left) / columns, cellHeight: (bottom - top) / rows };
}
"""

# Points at every cell's middle; gives what the readout says and the picture's colour there.
READ_ALL = """
(node, [frame, rows, columns]) => {
  const box = node.getBoundingClientRect();
  const root = node.getRootNode();
  const picture = node.querySelector("canvas").getContext("2d");
  const read = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const x = frame.left + (j + 0.5) * frame.cellWidth, y = frame.top + (i + 0.5) * frame.cellHeight;
      node.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + x, clientY: box.top + y }));
      const [pixelX, pixelY] = [x, y].map((at) => Math.floor(at * window.devicePixelRatio));
      read.push({
        number: root.querySelector(".readout .number").textContent,
        query: root.querySelector(".readout .query").textContent,
        key: root.querySelector(".readout .key").textContent,
        text: root.querySelector(".readout").textContent,
        sum: root.querySelector(".sum .value").textContent,
        strip: root.querySelector(".formula").textContent,
        colour: [...picture.getImageData(pixelX, pixelY, 1, 1).data].slice(0, 3),
      });
    }
  }
  return read;
}
"""
ROOT = {"tokens": "tokens", "positions": "positions", "output": "output", "decoding": "decoding"}
PLOT = "document.querySelector('.js-plotly-plot')"
FOCUSED = """
() => {
  let node = document.activeElement;
  while (node.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return { name: node.className, ...node.dataset };
}
"""


def root(place: str) -> str:
    """The class of the instrument that shows a place."""
    name = place.split(".")[-1]
    return ROOT.get(place, "ffn" if name == "ffn" or name.endswith("_norm") else "attention")


def matrix(page: Page) -> Locator:
    return page.locator(".matrix")


def thumb(page: Page, layer: int, head: int) -> Locator:
    """The thumbnail of a head, counted from 1."""
    return page.get_by_role("button", name=f"layer {layer}, head {head}", exact=True)


def tab(page: Page, place: str) -> Locator:
    return page.get_by_role("tab", name=TITLES[place], exact=True)


def picture(page: Page) -> str:
    """The large matrix's pixels."""
    return matrix(page).locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()")


def thumbs(page: Page) -> list[str]:
    """All thumbnails' pixels: one a weight, whatever the room on the page."""
    return page.locator(".thumb canvas").evaluate_all("(all) => all.map((canvas) => canvas.toDataURL())")


def expect_picture(page: Page, pixels: str, same: bool = True) -> None:
    """The large matrix has these pixels, or has others."""
    page.wait_for_function(
        """
        ([pixels, same]) => {
          const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
          const canvas = roots.map((root) => root?.querySelector(".matrix canvas")).find(Boolean);
          return canvas && (canvas.toDataURL() === pixels) === same;
        }
        """,
        arg=[pixels, same],
    )


def link(page: Page) -> dict[str, str]:
    """The parameters in the address (the page's own word: Playwright's `url` lags behind it)."""
    return dict(parse_qsl(page.evaluate("location.search").removeprefix("?"), keep_blank_values=True))


def entry_of(trace: Trace, place: str, layer: int):
    """The weights of a place; `layer` counts from 1."""
    stack, site = place.split(".")
    return trace[f"{stack}.{layer - 1}.{site}.weights"]


def frame(page: Page, entry) -> dict[str, float]:
    """Where the cells lie within the figure."""
    _, rows, columns = entry.value.shape
    return matrix(page).evaluate(FRAME, [rows, columns])


def middle_of(page: Page, entry, query: int, key: int) -> tuple[float, float]:
    """The middle of a cell (counted from 0) on the page, which is scrolled so that the cell can be seen."""
    matrix(page).evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    cells, box = frame(page, entry), matrix(page).bounding_box()
    x = cells["left"] + (key + 0.5) * cells["cellWidth"]
    y = cells["top"] + (query + 0.5) * cells["cellHeight"]
    return box["x"] + x, box["y"] + y


def expect_head(page: Page, place: str, layer: int, head: int) -> None:
    """The figure's name, the title, the pressed thumbnail and the open tab all say this head (from 1)."""
    name = head_title(place, layer, head)
    expect(page.get_by_role("figure", name=f"{name}: weights of", exact=False)).to_be_visible()
    expect(page.locator(".title")).to_have_text(name)
    expect(thumb(page, layer, head)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".thumb[aria-pressed=true]")).to_have_count(1)
    expect(tab(page, place)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".tab[data-place][aria-selected=true]")).to_have_count(1)


def expect_plot(page: Page, place: str, layer: int, head: int, stage: str = "weights") -> None:
    """The Plotly twin says this head (from 1) and stage."""
    title = f"{head_title(place, layer, head)}: {stage}, as a plain plot."
    expect(page.get_by_text(title)).to_be_visible()


def expect_readout(page: Page, trace: Trace, place: str, layer: int, head: int, query: int, key: int) -> None:
    """The readout names this cell's tokens and exactly its weight; layer and head count from 1."""
    entry = entry_of(trace, place, layer)
    expect(page.locator(".readout .number")).to_have_text(
        theme.weight_text(entry.value[head - 1, query, key])
    )
    expect(page.locator(".readout .query")).to_have_text(query_labels(trace, entry)[query])
    expect(page.locator(".readout .key")).to_have_text(entry.labels["key"][key])
    expect(page.locator(".readout")).to_contain_text(f"(row {query + 1})")
    expect(page.locator(".readout")).to_contain_text(f"(column {key + 1})")


def colours_of(values: np.ndarray, scale: str, limit: float, mode: str) -> np.ndarray:
    """The colours (…, 3) that the theme gives to values: of 256 between its stops, the nearest.

    `scale`: "weight" 0…1, "positive" 0…limit, "signed" −limit…limit.
    """
    stops = (theme.DIVERGING if scale == "signed" else theme.SEQUENTIAL)[mode]
    channels = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    at = np.linspace(0, len(stops) - 1, 256)
    table = np.stack([np.interp(at, np.arange(len(stops)), each) for each in channels.T], -1)
    values = np.asarray(values, float)
    share = {"weight": values, "positive": values / limit, "signed": 0.5 + values / (2 * limit)}[scale]
    return np.rint(table)[np.floor(np.clip(share, 0, 1) * 255 + 0.5).astype(int)]


def shade(weight: float, mode: str) -> list[float]:
    """The colour that the theme gives to a weight."""
    return colours_of(weight, "weight", 1, mode).tolist()


def all_told(page: Page) -> None:
    """Wait until what a choice tells the server after its pause has gone out."""
    now = page.evaluate("performance.now()")
    page.wait_for_function("(now) => performance.now() - Math.max(now, ...window.sentAt) > 700", arg=now)
