"""Single modules of the instruments in a bare page: elements from text, their handlers, the strip."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.head import number_text

MARKUP = "<img src=x onerror=alert(1)> & <b>bold</b>"

ELEMENT = """
async (text) => {
  const { el } = await import("/instruments/shared/dom.js");
  const node = el("p", { title: text }, text, el("span", {}, text));
  const tags = [...node.querySelectorAll("*")].map((each) => each.tagName);
  return { text: node.textContent, title: node.title, tags };
}
"""

STRIP = """
async (values) => {
  const { Strip } = await import("/instruments/shared/strip.js");
  const given = values.map((value, i) => ({ name: `t${i + 1}`, text: "x", value }));
  const strip = new Strip(() => ({ title: "z", formula: "sum", terms: given, value: 0 }));
  document.body.replaceChildren(strip.node);
  const terms = () => [...strip.node.querySelectorAll(".term")];
  const read = () => terms().map((each) => [each.className, each.textContent]);
  strip.draw();
  const few = read();
  strip.toggle();
  return [few, read()];
}
"""

# Whether the default goes on after a handler gave `value`: set by `el`, by `listen`, as an on… property.
AFTER = """
async (value) => {
  const { el, listen } = await import("/instruments/shared/dom.js");
  const nodes = [el("input", { onkeydown: () => value }), el("input"), el("input")];
  listen(nodes[1], { keydown: () => value });
  nodes[2].onkeydown = () => value;
  const key = () => new KeyboardEvent("keydown", { key: "Tab", cancelable: true });
  return nodes.map((node) => node.dispatchEvent(key()));
}
"""

LEGEND = """
async ([stops, limit]) => {
  const { Legend } = await import("/instruments/shared/legend.js");
  const legend = new Legend();
  document.body.replaceChildren(legend.node);
  legend.draw({ signedStops: stops }, limit);
  const [low, scale, high] = legend.node.children;
  return { low: low.textContent, high: high.textContent, colours: scale.style.background };
}
"""

# The pixels that a mark of the cursor leaves above a panel of 3 rows by 4 columns, 30 × 20 each, at (10, 5).
MARKED = """
async ([mark, at]) => {
  const { Sheet } = await import("/instruments/shared/sheet.js");
  const sheet = new Sheet("panel", () => {}, () => {});
  document.body.replaceChildren(sheet.node);
  const size = { x: 10, y: 5, width: 120, height: 60, cellWidth: 30, cellHeight: 20, headerY: 0 };
  const panel = { name: "scores", rows: 3, columns: 4, ...size };
  sheet.lay({ panels: [panel], width: 140, height: 70, cell: 20 }, { faint: "grey", text: "black" });
  sheet[mark](sheet.marking(), panel, ...at);
  const { width, height } = sheet.overlay;
  const { data } = sheet.overlay.getContext("2d").getImageData(0, 0, width, height);
  return [...data].filter((_, i) => i % 4 === 3);
}
"""


def test_a_string_becomes_text_and_never_an_element(bare):
    made = bare().evaluate(ELEMENT, MARKUP)
    assert made == {"text": 2 * MARKUP, "title": MARKUP, "tags": ["SPAN"]}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_strip_shows_the_heaviest_terms_and_the_sum_of_the_rest(bare, sign):
    values = [sign * value for value in (0.5, -8, 4, 1, -0.25, 16, 2, 0.125)]
    few, every = bare().evaluate(STRIP, values)
    heaviest = sorted(sorted(range(8), key=lambda i: -abs(values[i]))[: len(few) - 2])
    total = ["term sum-term", f"sum = {number_text(sum(values))}"]
    shown = [[f"t{i + 1} x = {number_text(values[i])}"] for i in heaviest]
    assert [text for _, *text in few[:-2]] == shown and few[-1] == total
    rest = sum(value for i, value in enumerate(values) if i not in heaviest)
    assert few[-2] == ["term rest", f"{8 - len(heaviest)} more: {number_text(rest)}"]
    assert [text for _, text in every[:-1]] == [
        f"t{i + 1} x = {number_text(v)}" for i, v in enumerate(values)
    ]
    assert every[-1] == total


@pytest.mark.parametrize("value", [False, True, None, 0])
def test_what_a_handler_gives_back_prevents_nothing(bare, value):
    assert bare().evaluate(AFTER, value) == [True, True, value is not False]


def test_a_legend_runs_from_its_lowest_number_at_the_left_to_its_highest(bare):
    stops = ["rgb(0, 0, 255)", "rgb(255, 255, 255)", "rgb(255, 0, 0)"]
    legend = bare().evaluate(LEGEND, [stops, 2.5])
    assert (legend["low"], legend["high"]) == (number_text(-2.5), number_text(2.5))
    assert legend["colours"] == f"linear-gradient(to right, {', '.join(stops)})"


@pytest.mark.parametrize(
    ("mark", "at", "place"),
    [
        ("markRow", (1, "red"), (10, 130, 25, 45)),
        ("markColumn", (2, "red"), (70, 100, 5, 65)),
        ("markCell", (1, 2, 3), (70, 100, 25, 45)),
    ],
)
def test_a_mark_of_the_cursor_frames_its_own_row_column_or_cell(bare, mark, at, place):
    pixels = np.reshape(bare(1).evaluate(MARKED, [mark, at]), (70, 140)) > 0
    across, down = np.flatnonzero(pixels.any(0)), np.flatnonzero(pixels.any(1))
    drawn = (across[0], across[-1] + 1, down[0], down[-1] + 1)
    assert np.abs(np.subtract(drawn, place)).max() <= 3, "a frame is 3 pixels wide at most, and 1 outside"
    left, right, top, bottom = place
    assert not pixels[top + 3 : bottom - 3, left + 3 : right - 3].any(), "a frame covers nothing"
