"""What the decoding's bars, ribbons and charts draw is what was counted: as numbers, lengths and colours."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from model import counts
from model import influence as owed
from tests.helpers.asked import decoding_numbers
from tests.helpers.head import SENTENCE
from tests.helpers.messages import unpack
from tests.helpers.painted import marks, painted
from tests.helpers.screen import colours_of
from tests.helpers.stand import message_of, mount

CLOSE = 1e-5
"""The page's server and this process may add in another order."""
PIXEL = 1.0
"""A length on screen is rounded to parts of a pixel at both ends."""
STEP, LAYER = 3, 2

# Marks that say what they show, and where they are in the element that holds them, in its pixels.
PLACES = """
(selector) => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const nodes = roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  return nodes.filter((node) => node.checkVisibility()).map((node) => {
    const [own, outer] = [node, node.parentElement].map((each) => each.getBoundingClientRect());
    const { stage, values } = node.painted[0];
    const { backgroundColor } = getComputedStyle(node);
    const place = { left: own.left - outer.left, width: own.width, room: outer.width };
    return { stage, values, backgroundColor, ...place };
  });
}
"""


@pytest.fixture(scope="module")
def shown(bare, zoo_glass, zoo_trace):
    """A page, and glass, trace and translation of the sentence on it."""
    glass = zoo_glass("en-de")
    return bare(), (glass, zoo_trace, glass.translate(SENTENCE))


def open_tab(shown, tab: str, **link: object) -> Page:
    page, (glass, trace, translation) = shown
    message = message_of("decoding", glass, trace, translation, "decoding")
    link = {"text": SENTENCE, "place": "decoding", "tab": tab, "step": STEP, "layer": LAYER} | link
    mount(page, "decoding", message, "light", **link)
    return page


def places(page: Page, selector: str, count: int) -> list[dict]:
    expect(page.locator(selector)).to_have_count(count)
    return page.evaluate(PLACES, selector)


def mean_weights(trace, layer=LAYER):
    return trace[f"decoder.{layer - 1}.cross_attn.weights"].value.astype(float).mean(0)


def test_bars_beside_source_tokens_are_attention_norm_and_influence(shown):
    page, (glass, trace, translation) = open_tab(shown, "alignment", words="tokens"), shown[1]
    source = trace.sides["src"].ids
    ids = glass.rows(translation.ids)[1]
    with torch.inference_mode():
        log_probs = owed.log_probs_masking(glass.model, translation.src_ids, ids, STEP - 1).numpy()
        _, norms = owed.norms(glass.model, trace, STEP - 1)
    expected = {
        "alpha": mean_weights(trace)[STEP - 1],
        "norm": norms[LAYER - 1].numpy(),
        "influence": log_probs[1:] - log_probs[0],
    }
    bars = places(page, ".align-bar", 3 * len(source))
    for what, values in expected.items():
        own = [bar for bar in bars if bar["stage"] == what]
        low, high = min(0, values.min()), max(0, values.max())
        assert [bar["values"][0] for bar in own] == list(range(len(source)))
        for bar, value in zip(own, values, strict=True):
            assert bar["values"][1:] == pytest.approx([value, low, high], abs=CLOSE)
            scale = bar["room"] / (high - low)
            assert bar["width"] == pytest.approx(abs(value) * scale, abs=PIXEL)
            assert bar["left"] == pytest.approx((min(0, value) - low) * scale, abs=PIXEL)


def test_ribbons_are_as_wide_as_the_weights_from_word_to_word(shown):
    page, (_, trace, _) = open_tab(shown, "alignment", words="tokens"), shown[1]
    page.locator(".align-picture .ribbon").first.wait_for()
    (found,) = marks(page, ".align-picture svg")
    weights = mean_weights(trace)[: len(trace.predicts)]
    drawn = {(int(row), int(column)): weight for row, column, weight in (mark["values"] for mark in found)}
    expected = {cell: weight for cell, weight in np.ndenumerate(weights) if weight >= 0.02}
    assert drawn == pytest.approx(expected, abs=CLOSE)
    words = page.locator(".align-picture .ribbon-token")
    texts = words.evaluate_all(
        "(all) => all.map(({ dataset: { column, row }, x }) => [column, row, x.baseVal[0].value])"
    )
    above = {int(column): x for column, _, x in texts if column is not None}
    below = {int(row): x for _, row, x in texts if row is not None}
    widths = []
    for mark in found:
        row, column, weight = mark["values"]
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", mark["attributes"]["d"])]
        (left, _), (right, _), (end, _) = numbers[:2], numbers[-2:], numbers[6:8]
        assert (left + right) / 2 == pytest.approx(above[column], abs=1e-4)
        assert end + (right - left) / 2 == pytest.approx(below[row], abs=1e-4)
        if right - left > 1.6:  # narrower ones are drawn as wide as can be seen
            widths.append((right - left) / weight)
    assert widths == pytest.approx([widths[0]] * len(widths), rel=1e-4)


def test_a_head_is_the_darker_the_lower_its_entropy(shown):
    page, (_, trace, _) = open_tab(shown, "alignment", words="tokens"), shown[1]
    config = trace.config
    cells = places(page, ".align-nats", config.n_layers * (config.n_heads + 1))
    nats = {}
    for layer in range(config.n_layers):
        weights = trace[f"decoder.{layer}.cross_attn.weights"].value[:, : len(trace.predicts)].astype(float)
        for head, own in enumerate([*weights, weights.mean(0)]):
            nats[layer, head] = -(own * np.log(np.where(own > 0, own, 1))).sum(-1).mean()
    heads = [value for (_, head), value in nats.items() if head < config.n_heads]
    low, high = min(heads), max(heads)
    for cell in cells:
        layer, head, value, shade = cell["values"]
        assert value == pytest.approx(nats[layer, head], abs=CLOSE)
        is_head = head < config.n_heads
        assert shade == pytest.approx(45 * (high - value) / (high - low) if is_head else 0, abs=0.51)


def test_bars_of_samples_are_shares_and_their_lines_probabilities(shown):
    page = open_tab(shown, "samples")
    _, arrays = unpack(decoding_numbers("samples", shown[1]))
    rows, samples = len(arrays["counts"]), arrays["counts"].sum()
    logs = np.split(arrays["drawn_log_probs"].astype(float), np.cumsum(arrays["lengths"])[:-1])
    expected = {
        "share": arrays["counts"] / samples,
        "probability": np.exp([each.sum() for each in logs]),
    }
    longest = max(values.max() for values in expected.values())
    for selector, what, side in (
        (".samples-bar span", "share", "width"),
        (".samples-bar i", "probability", "left"),
    ):
        for i, mark in enumerate(places(page, selector, rows)):
            value = expected[what][i]
            assert (mark["stage"], mark["values"]) == (what, pytest.approx([i, value], abs=CLOSE))
            assert mark[side] == pytest.approx(0.94 * value / longest * mark["room"], abs=PIXEL)


def test_bars_of_teacher_forcing_are_probabilities_and_losses(shown):
    page = open_tab(shown, "forcing")
    _, arrays = unpack(decoding_numbers("forcing", shown[1]))
    logs, best, own = (
        arrays[name].astype(float) for name in ("log_probs", "best_log_probs", "own_log_probs")
    )
    expected = {"p": np.exp(logs), "loss": -logs, "bestP": np.exp(best), "ownP": np.exp(own)}
    full = {"loss": max(1, -logs.min())}
    bars = places(page, ".forcing-bar", sum(map(len, expected.values())))
    assert {(bar["stage"], bar["values"][0]) for bar in bars} == {
        (what, t) for what, values in expected.items() for t in range(len(values))
    }
    for bar in bars:
        t, value, share = bar["values"]
        assert value == pytest.approx(expected[bar["stage"]][t], abs=CLOSE)
        assert share == pytest.approx(value / full.get(bar["stage"], 1))
        assert bar["width"] == pytest.approx(share * bar["room"], abs=PIXEL + 2)


def test_the_caches_triangles_and_bars_are_the_counts(shown):
    page, (glass, trace, translation) = open_tab(shown, "cache"), shown[1]
    page.locator(".cache-part .check.right").wait_for()
    anatomy, read = glass.model.anatomy, {"src": len(translation.src_ids)}
    ways = {"with a cache": counts.cached_step, "without a cache": counts.uncached_step}
    works = {
        stage: [counts.total(way(glass.model, read, t + 1), anatomy) for t in range(len(trace.predicts))]
        for stage, way in ways.items()
    }
    highest = max(map(max, works.values()))
    bars = painted(page, ".cache-bars canvas")
    assert len(bars) == 2 * len(trace.predicts)
    bottoms = {round(bar.y + bar.height, 3) for bar in bars}
    tallest = max(bar.height for bar in bars)
    assert len(bottoms) == 1
    for bar in bars:
        value = works[bar.stage][bar.row]
        assert (bar.values.item(), bar.limit) == (value, highest)
        assert bar.height == pytest.approx(tallest * value / highest)
    assert [bar.x for bar in bars] == sorted(bar.x for bar in bars)
    computed = [(row, row) for row in range(STEP)]
    everything = [(row, column) for row in range(STEP) for column in range(row + 1)]
    for n, made in enumerate((computed, everything)):
        cells = painted(page, f".cache-drawn > div:nth-child({n + 1}) .cache-triangle canvas")
        assert {tuple(cell.values.ravel()): cell.stage for cell in cells} == {
            cell: "computed" if cell in made else "re-used" for cell in everything
        }
        assert all(
            (cell.y, cell.x) == pytest.approx(tuple(1 + cell.height * cell.values.ravel())) for cell in cells
        )


def test_words_below_the_beams_tree_have_the_colours_of_their_weights(shown):
    page = open_tab(shown, "beam")
    trace = shown[1][1]
    header, arrays = unpack(decoding_numbers("beam", shown[1]))
    words = places(page, ".beam-word", len(trace.sides["src"].tokens))
    parent = arrays["parent"][header["winner"]]
    row = arrays["row"].tolist().index(parent)
    weights = arrays["attention"][LAYER - 1, row]
    for key, (word, weight) in enumerate(zip(words, weights, strict=True)):
        assert word["values"] == pytest.approx([header["winner"], key, weight], abs=CLOSE)
        rgb = [int(number) for number in re.findall(r"\d+", word["backgroundColor"])[:3]]
        assert rgb == colours_of(word["values"][2], "weight", 1, "light").tolist()
