"""What the canvases of a page say they painted, with the colours that are there: see paint.js."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Page

from tests.helpers.screen import colours_of

SCALES = ("weight", "positive", "signed")
WIDE_ENOUGH = 2
"""Device pixels of a cell of which the middle one is surely its own."""

# Every picture on the visible canvases (overlays aside) that `selector` finds in any instrument.
READ = """
(selector) => {
  const bytes = (array) => {
    let text = "";
    for (const byte of new Uint8Array(array.buffer)) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const isSeen = (canvas) => canvas.checkVisibility() && !/over/.test(canvas.className);
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const all = roots.flatMap((root) => [...root.querySelectorAll(selector)]).filter(isSeen);
  return all.map((canvas) => {
    const { painted, written } = canvas;
    if (!painted) return { node: canvas.parentElement.outerHTML.slice(0, 200), pictures: null };
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const ratio = canvas.style.width ? canvas.width / parseFloat(canvas.style.width) : 1;
    const pictures = painted.map((picture) => {
      const { rows, columns, x, y, width: wide, height: high } = picture;
      const colours = new Uint8Array(3 * rows * columns);
      for (let i = 0; i < rows * columns; i++) {
        const atX = Math.floor((x + (((i % columns) + 0.5) * wide) / columns) * ratio);
        const atY = Math.floor((y + ((Math.floor(i / columns) + 0.5) * high) / rows) * ratio);
        colours.set(data.subarray(4 * (atY * width + atX), 4 * (atY * width + atX) + 3), 3 * i);
      }
      return { ...picture, values: bytes(Float64Array.from(picture.values)), colours: bytes(colours), ratio };
    });
    const { dataset, ariaLabel } = canvas.parentElement;
    return { data: { ...dataset }, label: ariaLabel, pictures, written };
  });
}
"""


# The marks of the visible pictures in SVG that `selector` finds, with their attributes.
MARKS = """
(selector) => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const pictures = roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  const pair = ({ name, value }) => [name, value];
  const attributes = (node) => Object.fromEntries([...node.attributes].map(pair));
  const marksOf = (svg) => [...svg.querySelectorAll("*")].filter((node) => node.painted);
  return pictures.filter((svg) => svg.checkVisibility()).map((svg) =>
    marksOf(svg).map((node) => ({ ...node.painted[0], tag: node.tagName, attributes: attributes(node) })),
  );
}
"""

# Bars on the page: their share of their track, the number beside them, and whether it is a share.
BARS = """
() => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const selector = ".track > .fill:first-child, .near-track > .near-fill";
  const bars = roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  const width = (node) => node.getBoundingClientRect().width;
  return bars.filter((bar) => bar.checkVisibility() && width(bar.parentElement)).map((bar) => {
    const track = bar.parentElement;
    const text = track.nextElementSibling.textContent.replace("−", "-");
    return { drawn: width(bar), track: width(track), text, group: bar.closest(".unit") ? "units" : "shares" };
  });
}
"""


@dataclass(frozen=True)
class Picture:
    """One picture on a canvas. `data` and `label` are the dataset and accessible name of what holds it."""

    stage: str
    values: np.ndarray
    scale: str | None
    limit: float
    silent: list[int] | None
    x: float
    y: float
    width: float
    height: float
    row: int | None
    hidden: list[int]
    colours: np.ndarray
    ratio: float
    data: dict[str, str]
    label: str | None
    written: list[dict[str, Any]]

    @property
    def cell(self) -> tuple[float, float]:
        """A cell's width and height."""
        return self.width / self.values.shape[1], self.height / self.values.shape[0]

    def labels(self) -> list[str]:
        """The texts just left of the picture, in the middle of a row: one a row, "" where none is."""
        middles = [self.y + (row + 0.5) * self.cell[1] for row in range(len(self.values))]
        beside = [text for text in self.written if 0 < self.x - text["x"] < 10 and text["align"] == "right"]
        return [
            next((text["text"] for text in beside if abs(text["y"] - middle) < 1), "") for middle in middles
        ]


def painted(page: Page, selector: str = "canvas") -> list[Picture]:
    """The pictures in the order of the page; a canvas that does not say what it painted is an error."""
    found = []
    for canvas in page.evaluate(READ, selector):
        assert canvas["pictures"] is not None, f"a canvas does not say what it painted: {canvas['node']}"
        for picture in canvas["pictures"]:
            shape = picture.pop("rows"), picture.pop("columns")
            values = np.frombuffer(base64.b64decode(picture.pop("values"))).reshape(shape)
            colours = np.frombuffer(base64.b64decode(picture.pop("colours")), np.uint8).reshape(*shape, 3)
            about = {name: canvas[name] for name in ("data", "label", "written")}
            found.append(Picture(values=values, colours=colours, **picture, **about))
    return found


def marks(page: Page, selector: str) -> list[list[dict[str, Any]]]:
    """For each visible picture in SVG its marks: stage, values, tag, attributes."""
    return page.evaluate(MARKS, selector)


def assert_bars(page: Page) -> int:
    """Every bar on the page is as long as the number beside it says; how many there are."""
    bars = page.evaluate(BARS)
    highest = max((float(bar["text"]) for bar in bars if bar["group"] == "units"), default=1)
    for bar in bars:
        number = float(bar["text"].strip("<%")) / (100 if bar["text"].endswith("%") else 1)
        share = max(0, number) / (highest if bar["group"] == "units" else 1)
        digits = 0.0006 if bar["text"].endswith("%") else 0.0002
        assert abs(bar["drawn"] / bar["track"] - share) <= digits + 0.5 / bar["track"], bar
    return len(bars)


def assert_colours(picture: Picture, mode: str, covered: np.ndarray | bool = False) -> None:
    """Each cell that is wide enough to be seen, and not hatched or `covered`, has its value's colour."""
    is_thumbnail = (picture.x, picture.cell) == (0, (1, 1))
    if picture.scale not in SCALES or not is_thumbnail and min(picture.cell) * picture.ratio < WIDE_ENOUGH:
        return
    seen = np.ones(picture.values.shape, bool) & ~np.asarray(covered)
    seen.ravel()[picture.hidden] = False
    expected = colours_of(picture.values, picture.scale, picture.limit, mode)
    if picture.silent:
        expected = np.where(picture.values[..., None] > 0, expected, picture.silent)
    assert np.array_equal(picture.colours[seen], expected[seen]), picture.stage
