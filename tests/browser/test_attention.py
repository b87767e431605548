"""The attention instrument in a browser: numbers, choices, keys, links, speed."""

from __future__ import annotations

import re
import statistics

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settle
from tests.helpers.checkpoints import text_of
from tests.helpers.head import ONE_FRAME_MS, quiet
from tests.helpers.places import SITES, head_title
from tests.helpers.screen import (
    FOCUSED,
    PLOT,
    READ_ALL,
    entry_of,
    expect_head,
    expect_picture,
    expect_plot,
    expect_readout,
    frame,
    link,
    matrix,
    middle_of,
    picture,
    shade,
    tab,
    thumb,
)
from viz import theme
from viz.labels import query_labels

SENTENCE = "Where is the station?"

# Clicks, and at once, before anything else can happen, reads what the screen, the link and the socket say.
CLICK = """
(button) => {
  const root = button.getRootNode();
  const at = performance.now();
  button.click();
  return {
    at,
    title: root.querySelector(".title").textContent,
    picture: root.querySelector(".matrix canvas").toDataURL(),
    search: location.search,
    sent: window.sentAt.filter((sent) => sent >= at).length,
  };
}
"""
TIME = """
(node, repeats) => {
  const root = node.getRootNode();
  const box = node.getBoundingClientRect();
  const thumbs = root.querySelectorAll("button.thumb");
  const timed = (act) => {
    const times = [];
    for (let i = 0; i < repeats; i++) {
      const start = performance.now();
      act(i);
      root.querySelector(".attention").getBoundingClientRect();
      times.push(performance.now() - start);
    }
    return times;
  };
  const seen = new Set();
  const point = (i) => {
    const x = 0.4 + 0.4 * i / repeats, y = 0.45 + 0.5 * i / repeats;
    const at = { clientX: box.left + x * box.width, clientY: box.top + y * box.height };
    node.dispatchEvent(new PointerEvent("pointermove", at));
    seen.add(root.querySelector(".readout").textContent);
  };
  const hovers = timed(point);
  const heads = timed((i) => thumbs[i % thumbs.length].click());
  return { hovers, heads, seen: seen.size };
}
"""


@pytest.fixture(scope="module")
def trace(zoo_glass):
    """What the zoo's default model computes for SENTENCE."""
    glass = zoo_glass("en-de")
    return glass.trace(SENTENCE, glass.translate(SENTENCE))


@pytest.fixture
def page(visit, zoo):
    return visit(zoo, text=SENTENCE)


def assert_all_cells(page, trace, place, layer, head, mode="light"):
    """Pointing at any cell reads its tokens and weight, and the picture has that weight's colour there."""
    entry = entry_of(trace, place, layer)
    weights, queries = entry.value[head - 1], query_labels(trace, entry)
    rows, columns = weights.shape
    cells = iter(matrix(page).evaluate(READ_ALL, [frame(page, entry), rows, columns]))
    for i in range(rows):
        for j in range(columns):
            cell, where = next(cells), (place, i, j)
            assert cell["number"] == theme.weight_text(weights[i, j]), where
            assert (cell["query"], cell["key"]) == (queries[i], entry.labels["key"][j]), where
            assert f"(row {i + 1})" in cell["text"] and f"(column {j + 1})" in cell["text"], where
            assert cell["sum"] == "1.0000", where
            masked = place == "decoder.self_attn" and j > i
            assert ("exp(−∞" in cell["strip"]) == masked, where
            if not masked:
                assert np.allclose(cell["colour"], shade(weights[i, j], mode), atol=1.01), where


@pytest.mark.parametrize("place", SITES)
def test_pointing_at_any_cell_reads_exactly_the_traced_weight(visit, zoo, trace, place):
    page = visit(zoo, text=SENTENCE, place=place, layer=2, head=3)
    assert_all_cells(page, trace, place, 2, 3)


def test_the_mouse_reads_the_cell_that_it_is_over(page, trace):
    entry = entry_of(trace, "decoder.cross_attn", 2)
    for query, key in [(0, 0), (3, 2), (entry.value.shape[1] - 1, entry.value.shape[2] - 1)]:
        page.mouse.move(*middle_of(page, entry, query, key))
        expect_readout(page, trace, "decoder.cross_attn", 2, 1, query, key)


def test_bars_beside_the_matrix_are_the_row_under_the_cursor(visit, zoo, trace):
    tall = {"viewport": {"width": 1280, "height": 1400}}
    page = visit(zoo, tall, text=SENTENCE, place="encoder.self_attn", layer=1, head=2, query=4, key=2)
    entry = entry_of(trace, "encoder.self_attn", 1)
    bars = page.locator(".bar")
    expect(bars).to_have_count(len(entry.labels["key"]))
    assert bars.locator(".label").all_text_contents() == list(entry.labels["key"])
    weights = [theme.weight_text(weight) for weight in entry.value[1, 3]]
    assert bars.locator(".value").all_text_contents() == weights
    expect(page.locator(".bar.here .label")).to_have_text(entry.labels["key"][1])


def test_bars_that_do_not_all_fit_keep_the_heaviest_and_sum_up_the_rest(visit, zoo, zoo_glass):
    glass = zoo_glass("en-de")
    text = text_of(glass, 40)
    page = visit(zoo, text=text, place="encoder.self_attn", layer=1, head=1, query=1, key=1)
    weights = entry_of(glass.trace(text, [5]), "encoder.self_attn", 1).value[0, 0]
    shown = page.locator(".bar .value").all_text_contents()
    kept = np.sort(weights)[::-1][: len(shown) - 1]
    assert 2 < len(shown) < 40
    assert sorted(shown[:-1], reverse=True) == [theme.weight_text(weight) for weight in kept]
    expect(page.locator(".bar .label").last).to_have_text(f"{40 - len(kept)} others")
    assert abs(float(shown[-1]) - (1 - kept.sum())) < 1e-4


def test_a_thumbnail_opens_its_head_at_once_and_the_server_hears_of_it_later(page):
    before = picture(page)
    after = thumb(page, 3, 4).evaluate(CLICK)
    assert after["title"] == head_title("decoder.cross_attn", 3, 4)
    assert after["picture"] != before
    assert "layer=3" in after["search"] and "head=4" in after["search"]
    assert after["sent"] == 0
    page.wait_for_function("(at) => window.sentAt.some((sent) => sent >= at)", arg=after["at"])
    assert (
        page.evaluate("(at) => Math.min(...window.sentAt.filter((sent) => sent >= at)) - at", after["at"])
        >= 300
    )
    expect_head(page, "decoder.cross_attn", 3, 4)
    expect_plot(page, "decoder.cross_attn", 3, 4)


@pytest.mark.parametrize("place", SITES[:2])
def test_a_tab_opens_its_site_at_once_and_the_server_hears_of_it_later(page, place):
    before = picture(page)
    after = tab(page, place).evaluate(CLICK)
    assert after["title"] == head_title(place, 2, 1)
    assert after["picture"] != before
    assert f"place={place}" in after["search"]
    assert after["sent"] == 0
    page.wait_for_function("(at) => window.sentAt.some((sent) => sent >= at)", arg=after["at"])
    assert (
        page.evaluate("(at) => Math.min(...window.sentAt.filter((sent) => sent >= at)) - at", after["at"])
        >= 300
    )
    expect_head(page, place, 2, 1)
    expect_plot(page, place, 2, 1)


def test_pointing_sends_nothing(page, trace):
    entry = entry_of(trace, "decoder.cross_attn", 2)
    points = [middle_of(page, entry, query, key) for query, key in [(0, 0), (1, 3), (4, 2)]]
    before = page.evaluate("window.sentAt.length")
    for point in points:
        page.mouse.move(*point)
    expect(page.locator(".readout")).to_contain_text("(row 5)")
    assert page.evaluate("window.sentAt.length") == before


def test_the_mouse_chooses_a_head_too(page, trace):
    thumb(page, 1, 3).click()
    expect_head(page, "decoder.cross_attn", 1, 3)
    assert_all_cells(page, trace, "decoder.cross_attn", 1, 3)


def test_the_plot_follows_the_choice_with_the_traced_weights(page, trace):
    tab(page, "encoder.self_attn").click()
    thumb(page, 3, 2).click()
    expect_plot(page, "encoder.self_attn", 3, 2)
    page.get_by_text("Draw", exact=True).click()
    expected = entry_of(trace, "encoder.self_attn", 3).value[1]
    page.wait_for_function(
        f"([i, j, weight]) => Math.abs({PLOT}?._fullData?.[0].z[i]?.[j] - weight) < 1e-7",
        arg=[1, 2, float(expected[1, 2])],
    )
    cells = page.evaluate(f"{PLOT}._fullData[0].z.map((row) => [...row])")
    assert np.array_equal(np.array(cells, dtype=np.float32), expected)


def test_number_keys_choose_a_head_and_page_keys_a_layer(page):
    thumb(page, 2, 1).focus()
    for key, layer, head in [
        ("4", 2, 4), ("2", 2, 2), ("PageDown", 3, 2), ("PageDown", 3, 2), ("PageUp", 2, 2),
        ("PageUp", 1, 2), ("PageUp", 1, 2), ("1", 1, 1), ("5", 1, 1), ("0", 1, 1), ("3", 1, 3),
    ]:  # fmt: skip
        page.keyboard.press(key)
        expect_head(page, "decoder.cross_attn", layer, head)
    expect_plot(page, "decoder.cross_attn", 1, 3)


def test_arrow_keys_move_the_cursor_and_stop_at_the_edges(page, trace):
    where = ("decoder.cross_attn", 2, 1)
    n_queries, n_keys = entry_of(trace, where[0], 2).value.shape[1:]
    matrix(page).focus()
    for _ in range(max(n_queries, n_keys)):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    expect_readout(page, trace, *where, 0, 0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect_readout(page, trace, *where, 1, 2)
    for _ in range(max(n_queries, n_keys)):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
    expect_readout(page, trace, *where, n_queries - 1, n_keys - 1)


def test_enter_pins_a_cell_and_escape_frees_it(page, trace):
    where = ("decoder.cross_attn", 2, 1)
    entry = entry_of(trace, where[0], 2)
    page.mouse.move(*middle_of(page, entry, 2, 3))
    matrix(page).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".readout")).to_contain_text("pinned")
    assert {"query": "3", "key": "4"}.items() <= link(page).items()
    corner = matrix(page).bounding_box()
    page.mouse.move(corner["x"] + corner["width"] - 5, corner["y"] + corner["height"] - 8)
    expect_readout(page, trace, *where, 2, 3)
    page.keyboard.press("ArrowDown")
    expect_readout(page, trace, *where, 3, 3)
    assert link(page)["query"] == "4"
    page.keyboard.press("Escape")
    expect(page.locator(".readout")).not_to_contain_text("pinned")
    assert not {"query", "key"} & link(page).keys()


def test_a_click_pins_a_cell_and_a_second_one_frees_it(page, trace):
    point = middle_of(page, entry_of(trace, "decoder.cross_attn", 2), 1, 2)
    page.mouse.click(*point)
    expect(page.locator(".readout")).to_contain_text("pinned")
    expect_readout(page, trace, "decoder.cross_attn", 2, 1, 1, 2)
    page.mouse.click(*point)
    expect(page.locator(".readout")).not_to_contain_text("pinned")


def test_a_pinned_cell_stays_while_heads_change(page, trace):
    page.mouse.click(*middle_of(page, entry_of(trace, "decoder.cross_attn", 2), 1, 2))
    thumb(page, 3, 2).click()
    expect_readout(page, trace, "decoder.cross_attn", 3, 2, 1, 2)
    assert {"layer": "3", "head": "2", "query": "2", "key": "3"}.items() <= link(page).items()


def test_a_deep_link_restores_exactly_that_picture(visit, zoo, trace):
    where = ("encoder.self_attn", 2, 3)
    page = visit(zoo, text=SENTENCE, place=where[0], layer=2, head=3, query=2, key=1)
    expect_head(page, *where)
    expect_readout(page, trace, *where, 1, 0)
    expect(page.locator(".readout")).to_contain_text("pinned")
    expect_plot(page, *where)
    expect(page.get_by_role("textbox", name="English sentence")).to_have_value(SENTENCE)
    before = picture(page)
    page.reload()
    settle(page)
    expect_head(page, *where)
    expect_readout(page, trace, *where, 1, 0)
    expect_picture(page, before)


def test_reloading_after_clicking_restores_the_same_picture(page, trace):
    where = ("decoder.self_attn", 3, 2)
    tab(page, where[0]).click()
    thumb(page, 3, 2).click()
    page.mouse.click(*middle_of(page, entry_of(trace, where[0], 3), 4, 2))
    expect_plot(page, *where)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    before = picture(page)
    page.reload()
    settle(page)
    expect_head(page, *where)
    expect_readout(page, trace, *where, 4, 2)
    expect(page.locator(".readout")).to_contain_text("pinned")
    expect_plot(page, *where)
    expect_picture(page, before)


@pytest.mark.parametrize(
    ("raw", "layer"),
    [
        ("3", 3),
        ("-4", 1),
        ("99", 3),
        ("zzz", 2),
        ("1e3", 2),
        ("١", 2),
    ],
)
def test_whatever_the_link_says_the_instrument_and_the_plot_show_the_same_head(visit, zoo, raw, layer):
    page = visit(zoo, text=SENTENCE, layer=raw)
    expect_plot(page, "decoder.cross_attn", layer, 1)
    expect_head(page, "decoder.cross_attn", layer, 1)


def test_half_a_cell_in_a_link_is_completed_with_a_notice(visit, zoo, zoo_trace):
    weights = np.rint(zoo_trace["decoder.1.cross_attn.weights"].value[0] * 255)  # as the overview has them
    for said, query, key in [
        ({"query": 2}, 1, weights[1].argmax()),
        ({"query": 2, "key": "zzz"}, 1, weights[1].argmax()),
        ({"key": 3}, weights[:, 2].argmax(), 2),
    ]:
        page = visit(zoo, text=SENTENCE, layer=2, **said)
        expect(page.locator(".readout")).to_contain_text("pinned")
        expect_readout(page, zoo_trace, "decoder.cross_attn", 2, 1, int(query), int(key))
        expect(page.locator(".st-key-notices")).to_contain_text(
            re.compile("does not say its|no whole number")
        )


@pytest.mark.parametrize("stage", ["q", "z", "scores", "weights", "out"])
def test_a_pin_of_any_stage_is_completed(visit, zoo, stage):
    page = visit(zoo, text=SENTENCE, layer=2, view="inside", stage=stage, query=3)
    expect(page.locator(".formula b").first).to_contain_text(re.compile(rf"^{stage}\[3, \d+\]$"))
    expect(page.locator(".st-key-notices")).to_contain_text("The link pins a cell and does not say its key")


@pytest.mark.parametrize(("name", "n_layers", "n_heads"), [("one", 1, 1), ("wide", 6, 8)])
def test_models_of_any_size_show_every_head(visit, zoo, zoo_glass, name, n_layers, n_heads):
    glass = zoo_glass(name)
    page = visit(zoo, text=SENTENCE, model=name, layer=n_layers, head=n_heads)
    expect(page.locator("button.thumb")).to_have_count(n_layers * n_heads)
    expect_head(page, "decoder.cross_attn", n_layers, n_heads)
    trace = glass.trace(SENTENCE, glass.translate(SENTENCE))
    assert_all_cells(page, trace, "decoder.cross_attn", n_layers, n_heads)


def test_every_tab_and_thumbnail_and_the_matrix_are_reached_by_the_tab_key(page):
    page.get_by_role("textbox", name="English sentence").focus()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1]["name"] == "matrix":
            break
    assert reached[-1]["name"] == "matrix"
    assert [node["place"] for node in reached if node["name"] == "tab" and "place" in node] == list(SITES)
    heads = [(int(node["layer"]), int(node["head"])) for node in reached if node["name"] == "thumb"]
    assert heads == [(layer, head) for layer in (1, 2, 3) for head in (1, 2, 3, 4)]
    assert any(node["name"] == "chip" for node in reached)


@pytest.mark.parametrize("key", ["Enter", " "])
def test_choosing_by_keyboard_keeps_the_focus_where_it_was(page, key):
    thumb(page, 3, 2).focus()
    page.keyboard.press(key)
    expect_plot(page, "decoder.cross_attn", 3, 2)
    expect(thumb(page, 3, 2)).to_be_focused()
    tab(page, "encoder.self_attn").focus()
    page.keyboard.press(key)
    expect_plot(page, "encoder.self_attn", 3, 2)
    expect(tab(page, "encoder.self_attn")).to_be_focused()
    in_words = page.locator(".head-button").nth(2)
    in_words.focus()
    page.keyboard.press(key)
    expect_plot(page, "encoder.self_attn", 3, 3)
    expect(in_words).to_be_focused()
    page.keyboard.press("4")
    expect_head(page, "encoder.self_attn", 3, 4)


def test_a_tap_on_a_narrow_screen_reads_a_cell(visit, zoo, trace):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visit(zoo, phone, text=SENTENCE)
    matrix(page).scroll_into_view_if_needed()
    page.touchscreen.tap(*middle_of(page, entry_of(trace, "decoder.cross_attn", 2), 5, 1))
    expect_readout(page, trace, "decoder.cross_attn", 2, 1, 5, 1)
    expect(page.locator(".readout")).to_contain_text("pinned")


@pytest.mark.timed
def test_a_head_and_a_hover_of_20_by_20_tokens_take_less_than_a_frame(visit, app, glass, capsys):
    page = visit(app, text=text_of(glass, 20), place="encoder.self_attn")
    times = matrix(page).evaluate(TIME, 30)
    head, hover = statistics.median(times["heads"]), statistics.median(times["hovers"])
    with capsys.disabled():
        print(f"\nmedian of 30, 20×20 tokens: head switch {head:.1f} ms, hover {hover:.1f} ms")
    assert times["seen"] > 10
    # Whoever else is on the machine can only add time: the budget is for the quieter moments.
    for name in ("heads", "hovers"):
        assert quiet(times[name]) < ONE_FRAME_MS, name
