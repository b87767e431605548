"""The experiments: each head's distance as colour and number, and both maps of a head, are the model's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model.experiments import Experiment, OtherGlass, n_words, run, shuffled
from tests.browser.conftest import PATIENCE_MS
from tests.helpers.checkpoints import text_of
from tests.helpers.head import SENTENCE
from tests.helpers.painted import assert_colours, painted
from tests.helpers.screen import shade
from tests.helpers.stand import message_of, mount
from viz.labels import query_labels

CLOSE = 2e-5
CASES = {"en-de": ("light", ((1, 1), (3, 4))), "one": ("light", ((1, 1),)), "wide": ("dark", ((5, 7),))}
EXPERIMENTS = {"Positions off": "off", "Shuffle the words": "shuffle", "Off and shuffled": "offshuffle"}
CELLS = """
(all) => all.map((one) => [one.dataset.cell, one.textContent, getComputedStyle(one).backgroundColor])
"""


@pytest.fixture(scope="module")
def bench(contexts, zoo):
    page = contexts(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{zoo}/readyz")
    yield page
    page.close()
    assert not wrong, "\n".join(wrong)


def maps_of(glass, text, original, experiment, block, layer):
    """Both maps (head, query, key) of a layer, the experiment's with its source tokens in the order typed."""
    entry = f"{block.scope(layer)}.weights"
    plain = glass.trace(text, original)[entry].value
    other = run(glass, text, experiment, original)[1][entry].value
    back = np.argsort(OtherGlass(glass, experiment).typed_places(text))
    other = other[:, back] if block.queries == "src" else other
    return plain, other[..., back] if block.keys == "src" else other


def assert_map(page, name, trace, block, expected, mode):
    (picture,) = painted(page, f".positions [data-map='{name}'] canvas")
    assert picture.stage == f"{block.place}.weights"
    assert np.abs(picture.values - expected).max() <= CLOSE
    later = [int(i) for i in np.flatnonzero(np.triu(np.ones(expected.shape), 1))]
    assert picture.hidden == (later if block.causal else [])
    assert_colours(picture, mode)
    assert picture.labels() == list(query_labels(trace, trace[f"{block.scope(0)}.weights"]))
    keys = sorted((text for text in picture.written if text["align"] != "right"), key=lambda text: text["x"])
    assert [text["text"] for text in keys] == list(trace.sides[block.keys].tokens)
    middles = picture.x + (np.arange(expected.shape[1]) + 0.5) * picture.cell[0]
    assert np.abs([text["x"] for text in keys] - middles).max() < picture.cell[0] / 2


def assert_grid(page, distances, mode):
    """Each head's cell has its distance as number and colour; layers go down, heads across."""
    cells = page.locator(".positions .tv").evaluate_all(CELLS)
    heads = [(layer, head) for layer, row in enumerate(distances, 1) for head in range(1, len(row) + 1)]
    assert [cell for cell, _, _ in cells] == [f"{layer}.{head}" for layer, head in heads]
    for (_, text, colour), distance in zip(cells, np.ravel(distances), strict=True):
        assert abs(float(text) - distance) <= 0.005 + CLOSE
        near = {tuple(shade(distance + by, mode)) for by in (-CLOSE, 0, CLOSE)}
        assert tuple(map(float, re.findall(r"\d+", colour))) in near


@pytest.mark.parametrize("model", CASES)
def test_the_experiments_maps_and_distances_are_the_models(bench, zoo_glass, model):
    page, glass, (mode, heads) = bench, zoo_glass(model), CASES[model]
    text = SENTENCE if model == "en-de" else text_of(glass, 9)
    original = glass.translate(text)
    trace = glass.trace(text, original)
    mount(
        page, "positions", message_of("positions", glass, trace, original, "positions"), mode,
        place="positions", panel="experiments",
    )  # fmt: skip
    for label, kind in EXPERIMENTS.items():
        page.get_by_role("button", name=label, exact=True).click()
        chosen = page.locator(".positions tr.chosen")
        expect(chosen).to_have_attribute("data-run", re.compile(rf"^{kind}(\.\d+)?$"))
        expect(chosen.locator(".log-prob")).to_be_visible()
        order = None
        if kind != "off":
            order = shuffled(n_words(glass, text), int(chosen.get_attribute("data-run").split(".")[1]))
        experiment = Experiment(positions="on" if kind == "shuffle" else "off", order=order)
        for block in glass.model.anatomy.kind("attention"):
            page.locator(f".positions [data-site='{block.place}']").click()
            layers = [
                maps_of(glass, text, original, experiment, block, layer)
                for layer in range(glass.config.n_layers)
            ]
            distances = [(np.abs(a.astype(float) - b).sum(-1) / 2).mean(-1) for a, b in layers]
            assert_grid(page, distances, mode)
            for layer, head in heads:
                page.locator(f".positions [data-cell='{layer}.{head}']").click()
                for name, expected in zip(("original", "experiment"), layers[layer - 1], strict=True):
                    assert_map(page, name, trace, block, expected[head - 1], mode)
