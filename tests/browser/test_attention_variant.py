"""A stage that only another variant of attention has: on the board, explained, walked to, with no edit."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from model import load
from model.attention import ATTENTIONS
from tests.browser.conftest import PATIENCE_MS
from tests.helpers import checkpoints
from tests.helpers.head import SENTENCE, board, cell_of, number_text, point, strip
from tests.helpers.painted import assert_colours, painted
from tests.helpers.stand import message_of, mount
from tests.helpers.variant import Capped
from viz.instruments.attention import exact, projections

PLACE, LAYER, HEAD = "decoder.self_attn", 1, 1


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """A model of that variant, and what it makes of SENTENCE."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ATTENTIONS, "capped", Capped)
        glass = load(checkpoints.make(tmp_path_factory.mktemp("capped"), "capped", 2, 2, attention="capped"))
        translation = glass.translate(SENTENCE)
        yield glass, glass.trace(SENTENCE, translation), translation


def answering(body):
    return lambda route: route.fulfill(body=body)


@pytest.fixture(scope="module")
def page(contexts, zoo, answer):
    """The inside of a head of it; its numbers are answered here, for no server knows the variant."""
    glass, trace, translation = answer
    page = contexts(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    made = {"exact": exact(trace, PLACE, LAYER - 1), "projections": projections(glass, PLACE, LAYER - 1)}
    for name, body in made.items():
        page.route(f"**/numbers/attention/{name}*", answering(body))
    page.goto(f"{zoo}/readyz")
    message = message_of("attention", glass, trace, translation, PLACE)
    link = {"place": PLACE, "layer": LAYER, "head": HEAD, "view": "inside"}
    mount(page, "attention", message, "light", **link)
    page.locator(".check.right, .check.wrong").wait_for()
    yield page
    page.close()


def values(trace, stage):
    return trace[f"{PLACE.replace('.', f'.{LAYER - 1}.')}.{stage}"].value[HEAD - 1]


def test_it_is_painted_where_it_was_computed(page, answer):
    pictures = {picture.stage: picture for picture in painted(page, ".attention .board canvas")}
    capped = pictures["capped"]
    assert np.abs(capped.values - values(answer[1], "capped")).max() < 1e-6
    assert_colours(capped, "light")
    assert pictures["scaled"].x < capped.x < pictures["masked"].x
    name = page.locator(".stage-name[data-stage=capped]")
    expect(name).to_contain_text("from scaled")


def test_what_follows_from_it_is_recomputed_from_it(page):
    expect(page.locator(".check")).to_have_class("check right")
    assert "capped" not in page.locator(".check").get_attribute("title")


def test_its_cells_say_the_traced_number_and_what_they_are_made_from(page, answer):
    (said,) = point(page, "capped", (5, 5))
    _, row, column = cell_of(said["title"])
    assert said["result"] == number_text(values(answer[1], "capped")[row, column])
    assert "made from scaled" in said["formula"]
    assert "decoder.0.self_attn.capped" in said["note"]


def test_the_keys_walk_to_it(page):
    point(page, "scaled")
    board(page).focus()
    page.keyboard.press(".")
    assert cell_of(strip(page)[0])[0] == "capped"
    page.keyboard.press(".")
    assert cell_of(strip(page)[0])[0] == "masked"
