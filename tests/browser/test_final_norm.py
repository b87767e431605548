"""The final norm of each stack of a pre-norm model, in a browser: a box of the map, its numbers beside it."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from playwright.sync_api import expect

from model.counts import parameters, total
from tests.browser.test_ffn import cell_of, point, shown
from tests.helpers.head import PHONE, SENTENCE, assert_no_sideways_scroll, number_text
from tests.helpers.places import FINAL_NORMS, INSTEAD, TITLES
from tests.helpers.screen import link

CELL = {"query": 3, "stage": "norm_out", "feature": 7}


@pytest.fixture(scope="module")
def trace(zoo_glass):
    glass = zoo_glass("pre")
    return glass.trace(SENTENCE, glass.translate(SENTENCE))


@pytest.fixture(scope="module")
def shared(visit_once, zoo):
    options = {
        "permissions": ["clipboard-read", "clipboard-write"],
        "viewport": {"width": 1280, "height": 720},
    }
    where = {"text": SENTENCE, "model": "pre", "place": "decoder.final_norm", "layer": 1}
    return visit_once(zoo, options, until=shown, **where, **CELL)


@pytest.fixture(params=FINAL_NORMS)
def place(request, shared):
    """Each final norm in turn, opened from the map."""
    door(shared, request.param).click()
    expect(shared.locator(".ffn .title")).to_have_text(TITLES[request.param])
    shown(shared)
    yield request.param
    shared.keyboard.press("Escape")


def door(page, block):
    return page.locator(f".map [data-block='{block}']")


def test_a_link_restores_the_pinned_cell(shared, trace):
    value = trace["decoder.final_norm.norm_out"].value[2, 6]
    expect(shared.locator(".ffn .title")).to_have_text("Decoder: final norm")
    expect(shared.locator(".ffn .formula b").first).to_have_text("norm_out[3, 7]")
    expect(shared.locator(".ffn .formula .result")).to_have_text(number_text(value))


def test_a_final_norm_belongs_to_no_layer(shared, place):
    expect(shared.locator(".ffn .layer-buttons")).to_be_hidden()
    expect(shared.locator(".ffn .hint")).not_to_contain_text("layer")
    before = link(shared)["layer"]
    shared.locator(".ffn .board").press("PageDown")
    shared.locator(".ffn .board").press("Enter")
    assert link(shared).items() >= {"place": place, "layer": before}.items()
    shared.locator(".map [data-layer='2']").click()
    expect(shared.locator(".ffn .title")).to_have_text(TITLES[place])
    expect(shared.locator(".ffn .check")).to_have_class("check right")
    shared.locator(".map [data-layer='1']").click()


@pytest.mark.parametrize("stage", ["norm_in", "mean", "std", "norm_out"])
def test_each_cell_says_the_traces_number_and_its_snippet_prints_it(shared, place, trace, stage):
    values = trace[f"{place}.{stage}"].value
    tokens = trace.sides["src"].tokens if place.startswith("encoder") else trace.sides["tgt"].tokens
    for each in point(shared, stage, *[(1 + 5 * (row % 12), row) for row in range(len(values))]):
        name, row, column = cell_of(each["title"])
        assert (name, each["result"]) == (stage, number_text(values[row, column]))
        assert f"row {row + 1}: {tokens[row]}" in each["note"]
    shared.locator(".ffn .strip .copy").click()
    expect(shared.locator(".ffn .strip .copy")).to_have_text("Copied")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(shared.evaluate("navigator.clipboard.readText()"), {})
    assert float(out.getvalue()) == pytest.approx(float(values[row, column]), abs=1e-5)


def test_what_comes_in_is_said_to_be_the_last_layers_stream(shared, place):
    note = point(shared, "norm_in")[0]["note"]
    assert f"{place}.norm_in, which is {place.split('.')[0]}.1.resid_out as it is" in note


def test_the_browser_recomputes_the_norm(shared, place):
    badge = shared.locator(".ffn .check")
    expect(badge).to_have_class("check right")
    expect(badge).to_have_attribute("title", re.compile("mean, std, norm_out of this norm"))


def test_the_map_says_what_it_is_and_counts_it_once(shared, place, zoo_glass):
    model = zoo_glass("pre").model
    weighs = parameters(model)
    reader = "cross-attention" if place.startswith("encoder") else "output"
    expect(door(shared, place)).to_have_attribute("aria-current", "true")
    said = shared.locator(".map .said")
    expect(said).to_contain_text(f"{place.split('.')[0].title()}, final norm: LayerNorm of the stream")
    expect(said).to_contain_text(f"{reader} reads")
    expect(said).to_contain_text(f"{weighs[place]:,} parameters, no matrix product")
    expect(shared.locator(".map .total")).to_contain_text(f"{total(weighs, model.anatomy):,} parameters")


def test_it_stands_above_its_stack_and_the_arrow_keys_reach_it(shared, place):
    stack = place.split(".")[0]
    box, below = (door(shared, block).bounding_box() for block in (place, f"{stack}.ffn"))
    assert box["y"] + box["height"] < below["y"] and box["x"] == below["x"]
    door(shared, f"{stack}.ffn").focus()
    shared.keyboard.press("ArrowUp")
    expect(door(shared, place)).to_be_focused()


def test_the_map_fits_a_low_screen(shared):
    box = shared.locator(".map .plan").bounding_box()
    assert box["y"] + box["height"] <= 720


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_on_a_phone_the_crumb_names_it_and_nothing_scrolls_sideways(visit, zoo, place):
    page = visit(zoo, PHONE, until=shown, text=SENTENCE, model="pre", place=place)
    expect(page.locator(".map .crumb")).to_have_text(f"Map › {place.split('.')[0]} › final norm")
    for tab in page.locator(".ffn .stage-tabs .tab").all():
        tab.tap()
        assert_no_sideways_scroll(page, 390)


def test_a_post_norm_model_shows_the_last_block_of_the_stack_with_one_notice(visit, zoo):
    place = "decoder.final_norm"
    page = visit(zoo, until=shown, text=SENTENCE, model="en-de", place=place, layer=3, **CELL)
    expect(page.locator(".ffn .title")).to_have_text("Decoder feed-forward, layer 3")
    expect(page.locator(".ffn .formula b").first).to_have_text("norm_out[3, 7]")
    expect(page.locator(".st-key-notices")).to_contain_text(f"asks for {place}; this model is post-norm")
    expect(door(page, INSTEAD[place])).to_have_attribute("aria-current", "true")
    expect(door(page, place)).to_have_count(0)


def test_cross_attention_reads_the_encoders_final_norm(visit, zoo):
    cell = {"view": "inside", "stage": "x_kv", "query": 1, "key": 2, "feature": 3}
    page = visit(zoo, text=SENTENCE, model="pre", place="decoder.cross_attn", layer=1, head=1, **cell)
    expect(page.locator(".formula b").first).to_have_text("x_kv[2, 3]")
    expect(page.locator(".formula")).to_contain_text("the encoder's output, after its final norm")
    expect(page.locator(".strip .note")).to_contain_text(
        "encoder.memory, which is encoder.final_norm.norm_out"
    )
    expect(page.locator(".stage-name[data-stage=x_q]")).to_contain_text("norm_out")


def test_who_added_what_ends_at_the_logit_and_only_the_final_norm_has_a_beta(visit, zoo, trace):
    page = visit(zoo, text=SENTENCE, model="pre", place="output", step=1)
    page.get_by_role("tab", name="Who added what").click()
    page.get_by_role("button", name="blocks", exact=True).click()
    bars = page.locator(".fall-bar")
    expect(bars.last).to_have_attribute("aria-label", re.compile(r"the logit: −?\d"))
    said = bars.evaluate_all("(all) => all.map((bar) => bar.ariaLabel)")
    names, values = zip(*(each.rsplit(": ", 1) for each in said), strict=True)
    numbers = [float(value.replace("−", "-")) for value in values]
    logit = float(trace["output.logits"].value[0].max())
    assert numbers[-1] == pytest.approx(logit, abs=0.006)  # two decimals
    assert sum(numbers[:-1]) == pytest.approx(logit, abs=0.006 * len(numbers))
    assert [name for name in names if "β" in name] == ["final norm's β"]
    assert "layer 1 biases" in names
