"""Inside a head on any screen, with any text, by keyboard, by link, and when numbers do not arrive."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.helpers.checkpoints import text_of
from tests.helpers.head import (
    HEADER,
    PHONE,
    PLACE,
    SENTENCE,
    STAGES,
    assert_no_sideways_scroll,
    board,
    cell_of,
    number_text,
    open_inside,
    open_view,
    point,
    stage_values,
    strip,
)
from tests.helpers.places import head_title
from tests.helpers.screen import FOCUSED, expect_plot, link, matrix, tab


def test_on_a_narrow_screen_stages_fold_to_tabs(visit, zoo, zoo_trace):
    page = visit(zoo, PHONE, text=SENTENCE, place=PLACE, layer=2, head=1)
    open_inside(page)
    tabs = page.get_by_role("tablist", name="Stage").get_by_role("tab")
    expect(tabs).to_have_count(len(STAGES))
    for number, stage in enumerate(("x_kv", "k", "v", "x_q", "q", *STAGES[5:])):
        tabs.nth(number).tap()
        expect(page.locator(".stage-name")).to_have_count(1)
        expect(tabs.nth(number)).to_have_attribute("aria-selected", "true")
        rows, columns = stage_values(zoo_trace, stage, PLACE, 2, 1).shape
        expect(page.locator(".stage-name .shape")).to_have_text(f"{rows}×{columns}")
        assert cell_of(strip(page)[0])[0] == stage
        assert_no_sideways_scroll(page, 390)


def test_nothing_scrolls_sideways_in_any_view_of_a_narrow_screen(visit, zoo, zoo_glass):
    page = visit(zoo, PHONE, text=text_of(zoo_glass("en-de"), 40), layer=2)
    for view in ("Inside this head", "Lines", "All heads"):
        open_view(page, view)
        assert_no_sideways_scroll(page, 390)


@pytest.mark.parametrize("width", [1000, 1920])
def test_nothing_scrolls_sideways_in_any_view_of_a_wide_screen(visit, zoo, zoo_glass, width):
    options = {"viewport": {"width": width, "height": 720}}
    page = visit(zoo, options, text=text_of(zoo_glass("en-de"), 40), layer=2)
    for view in ("Inside this head", "Lines", "All heads"):
        open_view(page, view)
        assert_no_sideways_scroll(page, width)


TEXTS = {
    "one token": "a",
    "markup": "<b>bold</b>",
    "emoji and Arabic": "شكرا 👩‍👩‍👧 runs 🏃🏽‍♀️!",
    "60 tokens": None,
}


@pytest.mark.parametrize("name", TEXTS)
def test_all_three_views_draw_any_text(visit, zoo, zoo_glass, name):
    glass = zoo_glass("en-de")
    text = TEXTS[name] or text_of(glass, 60)
    page = visit(zoo, text=text, place=PLACE, layer=2, head=1)
    n_tokens = len(glass.source_ids(text))
    expect(matrix(page)).to_have_attribute("aria-label", re.compile(f"over {n_tokens} source tokens"))
    expect(page.locator(".check")).to_have_class("check right")
    open_inside(page)
    shape = page.locator(".stage-name[data-stage=scores] .shape")
    expect(shape).to_have_text(re.compile(rf"^\d+×{n_tokens}$"))
    for stage in STAGES:
        assert cell_of(point(page, stage)[0]["title"])[0] == stage
    open_view(page, "Lines")
    tokens = [glass.tokenizer.readable(i) for i in glass.source_ids(text)]
    full = page.locator(".line-token title").all_text_contents()
    assert full[-n_tokens:] == tokens
    assert page.locator(".attention").locator("b b, script, img").count() == 0


def press_tab_until(page, reached):
    for _ in range(80):
        page.keyboard.press("Tab")
        if reached(page.evaluate(FOCUSED)):
            return
    raise AssertionError("the Tab key does not lead there")


def test_the_keyboard_alone_reaches_the_explanation_of_a_cell(visit, zoo, zoo_trace):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=1)
    page.get_by_role("textbox", name="English sentence").focus()
    press_tab_until(page, lambda node: node.get("view") == "inside")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Inside this head")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", name="Inside this head")).to_be_focused()
    expect(page.locator(".formula .result")).to_be_visible()
    press_tab_until(page, lambda node: node["name"] == "board")
    for key in ("3", ",", ",", ",", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    expect_head_title(page, 2, 3)
    title, result = strip(page)
    stage, row, column = cell_of(title)
    assert stage == "scores"
    assert result == number_text(stage_values(zoo_trace, "scores", PLACE, 2, 3)[row, column])
    page.keyboard.press("Enter")
    assert {"query": str(row + 1), "key": str(column + 1)}.items() <= link(page).items()
    page.keyboard.press("Escape")
    assert "query" not in link(page)


@pytest.mark.parametrize(
    ("stage", "query", "key", "feature"), [("z", 3, 2, 5), ("scores", 2, 4, None), ("out", 1, 1, 9)]
)
def test_a_link_restores_the_inside_of_a_head_with_its_pinned_cell(
    visit, zoo, zoo_trace, stage, query, key, feature
):
    cell = {"query": query, "key": key} | ({"feature": feature} if feature else {})
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=3, view="inside", stage=stage, **cell)
    row, column = query - 1, (feature or key) - 1
    expect(page.locator(".formula b").first).to_have_text(f"{stage}[{row + 1}, {column + 1}]")
    expect(page.locator(".formula .result")).to_have_text(
        number_text(stage_values(zoo_trace, stage, PLACE, 2, 3)[row, column])
    )
    expect_plot(page, PLACE, 2, 3, stage)
    expect(page.get_by_role("tab", name="Inside this head")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Lines").click()
    assert link(page)["view"] == "lines"
    assert not {"query", "key", "feature", "stage"} & link(page).keys()


def test_a_link_to_a_stage_that_this_model_lacks_shows_its_weights(visit, zoo):
    page = visit(
        zoo, text=SENTENCE, place=PLACE, layer=2, head=3, view="inside", stage="q_rot", query=1, key=1
    )
    expect(page.locator(".formula b").first).to_have_text("weights[1, 1]")
    expect_plot(page, PLACE, 2, 3)


def expect_head_title(page, layer, head):
    expect(page.locator(".title")).to_have_text(head_title(PLACE, layer, head))


def test_the_plot_shows_the_stage_that_was_pointed_at_last(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=1)
    open_inside(page)
    name = page.locator(".stage-name[data-stage=scaled]").bounding_box()
    page.mouse.click(name["x"] + 2, name["y"] + HEADER + 2)
    expect_plot(page, PLACE, 2, 1, "scaled")


LAYER_3 = re.compile(r"/numbers/attention/exact.*layer=2")
MATRICES = re.compile(r"/numbers/attention/projections")


def refusing(what, asked=None):
    """Numbers of this address arrive broken; `asked` counts how often they were wanted."""

    def answer(route):
        if asked is not None:
            asked.append(route.request.url)
        route.fulfill(status=200, body=b"\0" * 8)

    return lambda page: page.route(what, answer)


DRAWN = """
(all) => all.some((one) => one.getContext("2d").getImageData(0, 0, one.width, one.height).data.some(Boolean))
"""


def open_refused_layer(visit, zoo):
    page = visit(zoo, None, refusing(LAYER_3), text=SENTENCE, layer=2)
    open_inside(page)
    board(page).focus()
    page.keyboard.press("PageDown")
    expect(page.locator(".trouble")).to_contain_text("did not arrive")
    return page


def test_numbers_that_do_not_arrive_are_said_in_a_sentence_and_come_when_asked_again(visit, zoo):
    page = open_refused_layer(visit, zoo)
    page.unroute(LAYER_3)
    tab(page, "encoder.self_attn").click()
    tab(page, PLACE).click()
    expect(page.locator(".trouble")).to_be_hidden()
    expect(page.locator(".check")).to_have_class("check right")


def test_a_layer_without_numbers_shows_none_of_another_layer(visit, zoo):
    page = open_refused_layer(visit, zoo)
    drawn = board(page).locator("canvas").evaluate_all(DRAWN)
    assert not drawn
    expect(page.locator(".chain")).to_be_hidden()
    open_view(page, "All heads")
    lines = page.locator(".head-line")
    assert lines.count() > 0
    assert not any("%" in line or "entropy" in line for line in lines.all_inner_texts())


def test_the_trouble_of_one_layer_goes_when_another_is_opened(visit, zoo):
    page = open_refused_layer(visit, zoo)
    page.keyboard.press("PageUp")
    expect(page.locator(".trouble")).to_be_hidden()
    expect(page.locator(".check")).to_have_class("check right")


def test_matrices_that_do_not_arrive_are_asked_for_when_the_reader_moves_and_not_before(visit, zoo):
    asked = []
    page = visit(zoo, None, refusing(MATRICES, asked), text=SENTENCE, place=PLACE, layer=2, head=1)
    open_inside(page)
    point(page, "q")
    expect(page.locator(".trouble")).to_contain_text("did not arrive")
    assert len(asked) == 1
    page.get_by_role("slider", name="Temperature").fill("2")
    expect(page.locator(".trouble")).to_contain_text("did not arrive")
    assert len(asked) == 1
    page.unroute(MATRICES)
    point(page, "q", (1, 30))
    expect(page.locator(".trouble")).to_be_hidden()
    expect(page.locator(".strip")).not_to_contain_text("Fetching")
