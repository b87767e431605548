"""Cells of the logit lens and bars of the waterfall show the trace: numbers, colours, order and lengths."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model import contributions as direct
from tests.browser.conftest import PATIENCE_MS
from tests.helpers.head import SENTENCE, open_view, softmax
from tests.helpers.painted import marks
from tests.helpers.screen import colours_of
from tests.helpers.stand import message_of, mount

CASES = {"en-de": "light", "pre": "dark", "wide": "light"}
ROUNDED = 1e-4
"""Contributions travel as float32 and are added up in the browser: forty sums of sizes below ten."""
PIXEL = 1.0
"""A browser lays out in 64ths of a pixel, and a bar that is too short to be seen is 2 pixels long."""

# Where bars and ticks stand: [number in `painted`, left, right, top, bottom] each.
PLACES = """
(selector) => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const all = roots.flatMap((root) => [...root.querySelectorAll(`.waterfall ${selector}`)]);
  return all.map((node) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return { values: node.painted[0].values, left, right, top, bottom };
  });
}
"""


@pytest.fixture(scope="module", params=CASES)
def shown(request, contexts, zoo, zoo_glass):
    """The output of a model on a page without the app: page, model, trace, translation, mode."""
    glass = zoo_glass(request.param)
    translation = glass.translate(SENTENCE)
    trace = glass.trace(SENTENCE, translation)
    page = contexts(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{zoo}/readyz")
    mode = CASES[request.param]
    mount(
        page,
        "output",
        message_of("output", glass, trace, translation, "output"),
        mode,
        place="output",
        step=2,
    )
    yield page, glass, trace, translation, mode
    page.close()


def lens_probs(glass, trace):
    """(layer, query, vocab): probabilities if the decoder ended after so many layers, by NumPy."""
    vectors = glass.model.embedding.weight.detach().numpy().astype(float)
    found = []
    for name in ("decoder.embedded", *(f"decoder.{i}.resid_out" for i in range(trace.config.n_layers))):
        stream = trace[name].value[: len(trace.predicts)].astype(float)
        if trace.config.norm == "pre":
            norm = glass.model.block("decoder.final_norm")
            centred = stream - stream.mean(-1, keepdims=True)
            scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + norm.eps)
            stream = scaled * norm.gamma.detach().numpy() + norm.beta.detach().numpy()
        found.append(softmax(stream @ vectors.T))
    return np.stack(found)


def test_every_cell_of_the_lens_has_the_word_and_the_colour_of_its_probability(shown):
    page, glass, trace, _, mode = shown
    open_view(page, "After each layer")
    probs = lens_probs(glass, trace)
    (cells,) = marks(page, ".lens-table")
    assert len(cells) == probs.shape[0] * probs.shape[1]
    drawn = page.locator(".lens-table td[data-layer]").evaluate_all(
        "(all) => all.map((cell) => [cell.textContent, getComputedStyle(cell).backgroundColor])"
    )
    for cell, (text, colour) in zip(cells, drawn, strict=True):
        layer, position, prob = cell["values"]
        own = probs[int(layer), int(position)]
        at = (cell["attributes"]["data-layer"], cell["attributes"]["data-position"])
        assert at == (str(int(layer)), str(int(position)))
        assert prob == pytest.approx(own.max(), abs=1e-5)
        assert text == glass.tokenizer.readable(int(own.argmax()))
        assert [int(n) for n in re.findall(r"\d+", colour)] == colours_of(prob, "weight", 1, mode).tolist()


def test_rows_and_columns_of_the_lens_are_named_by_what_they_are(shown):
    page, _, trace, _, _ = shown
    open_view(page, "After each layer")
    layers = ["embedded", *(f"layer {i + 1}" for i in range(trace.config.n_layers))]
    positions = list(trace.sides["tgt"].tokens[: len(trace.predicts)])
    is_flipped = "flipped" in (page.locator(".lens-table").get_attribute("class") or "")
    columns = page.locator(".lens-table thead th").all_text_contents()
    rows = page.locator(".lens-table tbody th").all_text_contents()
    assert (rows, columns) == ((positions, layers) if is_flipped else (layers, positions))


def expected_bars(glass, trace, translation, step, grouping):
    """Each bar's value, and the running total before and after it; the sum last."""
    word = glass.rows(translation.ids)[1][step]
    values = direct.contributions(glass.model, trace, [word], slice(step, step + 1))[0].numpy()
    if grouping == "blocks":
        order = ("self_attn", "cross_attn", "ffn", "bias")
        summed = {}
        for part, value in zip(direct.parts_of(trace), values, strict=True):
            last = part.layer is None and part.kind == "bias"
            layer = part.layer if part.layer is not None else (99 if last else -1)
            key = (layer, order.index(part.kind) if 0 <= layer < 99 else len(summed))
            summed[key] = summed.get(key, 0) + value
        values = np.array([summed[key] for key in sorted(summed)])
    ends = np.cumsum(values)
    bars = [[value, end - value, end] for value, end in zip(values, ends, strict=True)]
    return np.array([*bars, [ends[-1], 0, ends[-1]]])


def along(place, runs_down):
    """Where a bar (or a tick) begins and ends on the scale's axis, in pixels upwards or to the right."""
    return (place["left"], place["right"]) if runs_down else (-place["bottom"], -place["top"])


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("grouping", ["blocks", "heads"])
def test_every_bar_of_the_waterfall_begins_and_ends_where_its_numbers_stand(shown, grouping, width):
    page, glass, trace, translation, _ = shown
    page.set_viewport_size({"width": width, "height": 900})
    open_view(page, "Who added what")
    page.get_by_role("button", name=grouping, exact=True).click()
    step = len(trace.predicts) - 1
    page.locator(f".step[data-step='{step + 1}']").click()
    expect(page.locator(".waterfall")).to_have_class(re.compile(f"by-{grouping}"))
    expected = expected_bars(glass, trace, translation, step, grouping)
    places = page.evaluate(PLACES, ".fall")
    numbers = np.array([place["values"] for place in places])
    assert list(numbers[:, 0]) == list(range(len(expected)))
    assert np.abs(numbers[:, 1:] - expected).max() <= ROUNDED
    runs_down = "down" in page.locator(".waterfall").get_attribute("class").split()
    assert runs_down == (width == 390) or grouping == "heads"
    ends = np.array([along(place, runs_down) for place in places])
    levels = np.sort(expected[:, 1:], -1)
    # One scale for all: fitted to the bars that are long enough to lie where they should.
    long = (levels[:, 1] - levels[:, 0]) > 0.05 * np.ptp(levels)
    tracks = track_starts(page, runs_down)
    ends -= tracks[:, None]
    slope, start = np.polyfit(levels[long].ravel(), ends[long].ravel(), 1)
    assert slope > 0
    assert np.abs(slope * levels[long] + start - ends[long]).max() <= PIXEL
    assert np.abs(slope * levels[:, 0] + start - ends[:, 0]).max() <= PIXEL
    if not runs_down:
        for tick in page.evaluate(PLACES, ".tick"):
            (level,) = tick["values"]
            assert -tick["top"] - tracks[0] == pytest.approx(slope * level + start, abs=2 * PIXEL)
    page.set_viewport_size({"width": 1280, "height": 900})


def track_starts(page, runs_down):
    """Where each bar's own scale begins: bars that run down stand in tracks of their own."""
    tracks = page.locator(".waterfall .fall-track").evaluate_all(
        "(all) => all.map((node) => node.getBoundingClientRect()).map(({ left, bottom }) => [left, -bottom])"
    )
    return np.array(tracks)[:, 0 if runs_down else 1]


def test_the_legend_has_a_swatch_for_each_look_of_a_bar(shown):
    page = shown[0]
    open_view(page, "Who added what")
    look = "(all) => all.map((node) => node.className.split(' ').at(-1))"
    swatches = page.locator(".fall-legend .swatch").evaluate_all(look)
    bars = page.locator(".waterfall .fall").evaluate_all(look)
    assert set(swatches) == set(bars) - {"logit"}
    paint = "(all) => all.map(getComputedStyle).map((style) => style.background + style.border)"
    assert len(set(page.locator(".fall-legend .swatch").evaluate_all(paint))) == len(swatches)
