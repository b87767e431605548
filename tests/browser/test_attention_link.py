"""What a reader sets in the attention instrument is in the link, comes back by it, and Back returns to it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settle
from tests.helpers.head import (
    PHONE,
    PLACE,
    SENTENCE,
    cell_of,
    open_inside,
    open_view,
    softmax,
    stage_values,
    strip,
)
from tests.helpers.painted import assert_colours, painted
from tests.helpers.places import head_title
from tests.helpers.screen import expect_head, expect_plot, link, tab

KNOBS = {"unscaled": "1", "unmasked": "1", "softmax_temperature": "2"}


def knobs(page):
    """What the knobs say: scale, mask, temperature, padding."""
    boxes = [page.get_by_role("checkbox", name=name).is_checked() for name in ("÷ √d_head", "mask")]
    slider = page.get_by_role("slider", name="Temperature").input_value()
    return [*boxes, slider, page.get_by_role("checkbox", name="pad the sentence").is_checked()]


def test_the_knobs_are_in_the_link_and_come_back_by_it(visit, zoo, zoo_trace):
    place = "decoder.self_attn"
    page = visit(zoo, text=SENTENCE, place=place, layer=2, head=1)
    open_inside(page)
    page.get_by_role("checkbox", name="÷ √d_head").uncheck()
    page.get_by_role("checkbox", name="mask").uncheck()
    page.get_by_role("slider", name="Temperature").fill("2")
    assert link(page).items() >= KNOBS.items()
    page.reload()
    settle(page)
    assert knobs(page) == [False, False, "2", False]
    weights = softmax(stage_values(zoo_trace, "scores", place, 2, 1), 2)
    (picture,) = (each for each in painted(page, ".board canvas") if each.stage == "weights")
    assert np.abs(picture.values - weights).max() < 1e-5
    assert_colours(picture, "light")
    page.get_by_role("button", name="Back to the model's own numbers").click()
    assert not KNOBS.keys() & link(page).keys()


def test_another_site_has_the_models_own_numbers_and_back_has_the_knobs_again(visit, zoo):
    page = visit(zoo, text=SENTENCE, place="decoder.self_attn", layer=2, head=1, view="inside", **KNOBS)
    assert knobs(page)[:3] == [False, False, "2"]
    tab(page, "encoder.self_attn").click()
    expect(page.locator(".title")).to_have_text(head_title("encoder.self_attn", 2, 1))
    expect(page.locator(".knobs")).not_to_have_class(re.compile("what-if"))
    assert not KNOBS.keys() & link(page).keys()
    page.go_back()
    expect(page.locator(".title")).to_have_text(head_title("decoder.self_attn", 2, 1))
    expect(page.locator(".knobs")).to_have_class(re.compile("what-if"))
    assert knobs(page)[:3] == [False, False, "2"]


@pytest.mark.parametrize("value", ["0", "-1", "99", "nan", "zzz"])
def test_a_temperature_that_cannot_be_is_the_nearest_that_can(visit, zoo, value):
    page = visit(zoo, text=SENTENCE, place=PLACE, view="inside", softmax_temperature=value)
    expected = {"0": "0.1", "-1": "0.1", "99": "4"}.get(value, "1")
    assert page.get_by_role("slider", name="Temperature").input_value() == expected


def test_padding_is_in_the_link_with_a_cell_of_it_that_is_pinned(visit, zoo, zoo_trace):
    length = len(zoo_trace.sides["src"].tokens)
    cell = {"stage": "masked", "query": 1, "key": length + 1}
    page = visit(zoo, text=SENTENCE, place="encoder.self_attn", layer=2, view="inside", padded=1, **cell)
    expect(page.locator(".formula b").first).to_have_text(f"masked[1, {length + 1}]")
    expect(page.locator(".strip .note")).to_contain_text("padding mask")
    assert knobs(page)[3]
    page.get_by_role("checkbox", name="pad the sentence").uncheck()
    shape = page.locator(".stage-name[data-stage=weights] .shape")
    expect(shape).to_have_text(f"{length}×{length}")
    assert not {"padded", "query", "key"} & link(page).keys()


def test_padding_that_does_not_arrive_is_said_and_the_switch_springs_back(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, view="inside")
    page.route("**/numbers/attention/message*", lambda route: route.fulfill(status=200, body=b"\0" * 8))
    page.get_by_role("checkbox", name="pad the sentence").click()
    expect(page.locator(".trouble")).to_contain_text("did not arrive")
    expect(page.get_by_role("checkbox", name="pad the sentence")).not_to_be_checked()
    page.unroute("**/numbers/attention/message*")
    page.get_by_role("checkbox", name="pad the sentence").check()
    expect(page.locator(".trouble")).to_be_hidden()
    assert link(page)["padded"] == "1"


def toggles(page):
    all_ = page.get_by_role("group", name="Heads drawn").get_by_role("button")
    return [toggle.get_attribute("aria-pressed") == "true" for toggle in all_.all()]


def test_whose_lines_are_drawn_and_how_many_is_in_the_link_and_comes_back(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=2, view="lines")
    page.locator(".lines-figure svg").wait_for()
    page.get_by_role("group", name="Heads drawn").get_by_role("button", name="head 4").click()
    page.get_by_role("slider", name="Share of the mass drawn").fill("50")
    assert link(page).items() >= {"lines": "2.4", "mass": "50"}.items()
    lines = page.locator(".lines-figure path").count()
    page.reload()
    settle(page)
    assert toggles(page) == [False, True, False, True]
    expect(page.locator(".lines-figure path")).to_have_count(lines)
    page.get_by_role("group", name="Heads drawn").get_by_role("button", name="head 4").click()
    page.get_by_role("slider", name="Share of the mass drawn").fill("80")
    assert not {"lines", "mass"} & link(page).keys()


@pytest.mark.parametrize("heads", ["99", "zzz", "0", ".", "-1"])
def test_heads_that_there_are_not_leave_the_lines_of_the_open_one(visit, zoo, heads):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=3, view="lines", lines=heads)
    page.locator(".lines-figure svg").wait_for()
    assert toggles(page) == [False, False, True, False]


def test_back_returns_to_the_site_and_the_view_that_were_open_and_a_head_makes_no_entry(visit, zoo):
    page = visit(zoo, text=SENTENCE)
    expect_head(page, PLACE, 2, 1)
    tab(page, "encoder.self_attn").click()
    open_view(page, "Lines")
    page.keyboard.press("3")
    expect(page.locator(".title")).to_have_text(head_title("encoder.self_attn", 2, 3))
    page.go_back()
    expect_head(page, "encoder.self_attn", 2, 1)
    expect(page.get_by_role("tab", name="All heads")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect_head(page, PLACE, 2, 1)
    expect_plot(page, PLACE, 2, 1)


def test_on_a_narrow_screen_the_open_stage_is_in_the_link_and_comes_back(visit, zoo):
    page = visit(zoo, PHONE, text=SENTENCE, place=PLACE, layer=2, head=1)
    open_inside(page)
    page.get_by_role("tablist", name="Stage").get_by_role("tab", name="all heads").tap()
    assert link(page)["stage"] == "concat"
    page.reload()
    settle(page)
    expect(page.locator(".stage-name")).to_have_attribute("data-stage", "concat")
    assert cell_of(strip(page)[0])[0] == "concat"
    assert not {"query", "key", "feature"} & link(page).keys()


def test_keys_move_the_cell_that_the_strip_explains_where_lines_are_drawn(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=2, view="lines", query=3, key=3)
    page.get_by_role("group", name="Heads drawn").get_by_role("button", name="head 2").focus()
    moves = {"ArrowUp": (1, 2), "ArrowRight": (1, 3), "ArrowDown": (2, 3), "ArrowLeft": (2, 2)}
    for key, cell in moves.items():
        page.keyboard.press(key)
        assert cell_of(strip(page)[0]) == ("weights", *cell), key
    page.keyboard.press("Escape")
    assert not {"query", "key"} & link(page).keys()
