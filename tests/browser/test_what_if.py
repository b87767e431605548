"""The knobs inside a head: scale, mask, temperature, and the way back."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.head import SENTENCE, bits, cell_of, open_inside, point, softmax, stage_values
from viz import theme


class Knob:
    """The knobs of a page, and the weights that they should give by NumPy."""

    def __init__(self, page, trace, place):
        self.page, self.trace, self.place = page, trace, place

    def own(self, stage):
        return stage_values(self.trace, stage, self.place, 2, 1)

    def untick(self, name):
        self.page.get_by_role("checkbox", name=name).uncheck()

    def temperature(self, value):
        self.page.get_by_role("slider", name="Temperature").fill(value)

    def table(self):
        """Rows of (entropy before, after, largest weight before, after)."""
        rows = self.page.locator(".before-after tbody tr").all()
        return np.array([[float(text) for text in row.locator("td").all_inner_texts()] for row in rows])

    def assert_shows(self, weights):
        """The badges, the table, and a cell of weights and one of z say what NumPy says."""
        page = self.page
        expect(page.locator(".knobs .badge.what-if")).to_be_visible()
        before = self.own("weights")
        expected = [bits(before), bits(weights), before.max(-1), weights.max(-1)]
        assert np.abs(self.table() - np.stack(expected, -1)).max() <= 0.00501
        assert np.abs(self.table()[:, 2:] - np.stack(expected[2:], -1)).max() <= 0.000051
        (said,) = point(page, "weights", (5, 25))
        _, row, column = cell_of(said["title"])
        assert float(said["result"]) == pytest.approx(weights[row, column], abs=0.000051)
        assert "what if" in said["formula"]
        (said,) = point(page, "z", (5, 25))
        _, row, column = cell_of(said["title"])
        z = weights @ self.own("v")
        assert float(said["result"].replace("−", "-")) == pytest.approx(z[row, column], rel=1e-3, abs=1e-6)


@pytest.fixture
def knob(visit, zoo, zoo_trace):
    """Opens a head of a place with its knobs."""

    def open_(place):
        page = visit(zoo, text=SENTENCE, place=place, layer=2, head=1)
        open_inside(page)
        return Knob(page, zoo_trace, place)

    return open_


def test_without_scaling_the_weights_are_the_softmax_of_the_raw_scores(knob):
    what = knob("decoder.cross_attn")
    what.untick("÷ √d_head")
    what.assert_shows(softmax(what.own("scores")))


def test_without_the_mask_a_decoder_row_sees_the_tokens_after_it(knob):
    what = knob("decoder.self_attn")
    what.untick("mask")
    what.assert_shows(softmax(what.own("scaled")))


def test_the_temperature_divides_before_the_softmax(knob):
    what = knob("decoder.self_attn")
    for temperature in (0.1, 0.5, 4.0):
        what.temperature(str(temperature))
        what.assert_shows(softmax(what.own("masked"), temperature))


def test_knobs_work_together(knob):
    what = knob("decoder.self_attn")
    what.untick("÷ √d_head")
    what.untick("mask")
    what.temperature("2")
    what.assert_shows(softmax(what.own("scores"), 2))


def test_one_click_returns_to_the_models_own_numbers(knob):
    what = knob("decoder.cross_attn")
    page = what.page
    what.untick("÷ √d_head")
    what.temperature("3")
    page.get_by_role("button", name="Back to the model's own numbers").click()
    expect(page.locator(".badge.what-if:visible")).to_have_count(0)
    expect(page.locator(".before-after table")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="÷ √d_head")).to_be_checked()
    expect(page.get_by_role("slider", name="Temperature")).to_have_value("1")
    (said,) = point(page, "weights", (5, 25))
    _, row, column = cell_of(said["title"])
    assert said["result"] == theme.weight_text(what.own("weights")[row, column])


def test_the_check_stays_about_the_models_own_numbers_whatever_the_knobs_say(knob):
    what = knob("decoder.self_attn")
    what.untick("mask")
    what.temperature("4")
    expect(what.page.locator(".check")).to_have_class("check right")


@pytest.mark.parametrize(("place", "shown"), [("decoder.self_attn", True), ("decoder.cross_attn", False)])
def test_the_masks_knob_is_there_only_where_something_is_masked(knob, place, shown):
    expect(knob(place).page.get_by_role("checkbox", name="mask")).to_be_visible(visible=shown)


def test_a_snippet_under_the_knobs_prints_the_what_if_number(knob):
    what = knob("decoder.self_attn")
    what.untick("÷ √d_head")
    what.temperature("2")
    page = what.page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    for stage in ("q", "scores", "scaled", "masked", "weights", "z", "concat", "out"):
        point(page, stage, (5, 9))
        expect(page.locator(".strip")).not_to_contain_text("Fetching")
        (said,) = point(page, stage, (5, 9))
        page.get_by_role("button", name="Copy as NumPy").click()
        snippet = page.get_by_role("textbox", name="NumPy snippet").input_value()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(snippet, "snippet", "exec"), {})
        shown = said["result"].replace("−", "-").replace("∞", "inf")
        assert float(printed.getvalue()) == pytest.approx(float(shown), rel=1e-3, abs=6e-5), stage
