"""The badge that recomputes a head from the numbers on screen: right, wrong, NaN."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.head import HEAD, LAYER, SENTENCE, TOLERANCE, open_inside, point
from tests.helpers.messages import unpack
from tests.helpers.places import SITES
from viz.instruments import pack


@pytest.mark.parametrize("place", SITES)
def test_what_the_browser_recomputes_agrees_with_the_model(visit, app, place):
    page = visit(app, text=SENTENCE, place=place, layer=LAYER, head=HEAD)
    expect(page.locator(".check")).to_have_class("check right")
    text = page.locator(".check").inner_text()
    (error,) = re.fullmatch(r"recomputed: max error (\S+)", text).groups()
    assert 0 <= float(error) <= TOLERANCE


def tampering(change):
    """A `before` for visit: the exact numbers that the server sends, changed by `change(arrays)`."""

    def answer(route):
        response = route.fetch()
        header, arrays = unpack(response.body())
        arrays = {name: array.copy() for name, array in arrays.items()}
        change(arrays)
        header = {name: value for name, value in header.items() if name != "arrays"}
        route.fulfill(status=200, content_type="application/octet-stream", body=pack(header, arrays))

    return lambda page: page.route("**/numbers/attention/exact*", answer)


def set_to(stage, value):
    def change(arrays):
        array = arrays[stage]
        index = (HEAD - 1, 1, 0) if array.ndim == 3 else (1, 0)
        array[index] = value if np.isnan(value) else array[index] + value

    return change


TAMPERED = ("scores", "scaled", "masked", "weights", "z")


@pytest.mark.parametrize(("stage", "value"), [*[(stage, 0.01) for stage in TAMPERED], ("weights", np.nan)])
def test_a_wrong_number_turns_the_badge_red(visit, zoo, stage, value):
    page = visit(zoo, None, tampering(set_to(stage, value)), text=SENTENCE, layer=2, head=HEAD)
    expect(page.locator(".check")).to_have_class("check wrong")
    if np.isnan(value):
        expect(page.locator(".check")).to_have_text("recomputed: max error not a number")


def test_a_number_that_is_right_again_is_no_error(visit, zoo):
    page = visit(zoo, None, tampering(lambda arrays: None), text=SENTENCE, layer=2, head=HEAD)
    expect(page.locator(".check")).to_have_class("check right")


def test_a_wrong_out_turns_the_badge_red_once_the_weight_matrices_are_there(visit, zoo):
    page = visit(zoo, None, tampering(set_to("out", 0.01)), text=SENTENCE, layer=2, head=HEAD)
    open_inside(page)
    expect(page.locator(".check")).to_have_class("check right")
    point(page, "out")
    expect(page.locator(".check")).to_have_class("check wrong")
