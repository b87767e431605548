"""The map in a browser: it shows what is open, opens what is clicked, and folds on a narrow screen."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from model.anatomy import Anatomy, Block, Side, Stack, stack_of, sublayer
from model.counts import multiply_adds, parameters, total
from tests.helpers.head import PHONE, SENTENCE, assert_no_sideways_scroll
from tests.helpers.painted import assert_colours, painted
from tests.helpers.places import SITES, TITLES, head_title
from tests.helpers.screen import expect_head, expect_plot, link, thumb
from tests.helpers.stand import message_of, mount

PLACE = "decoder.cross_attn"


@pytest.fixture(scope="module")
def shared(visit_once, zoo):
    return visit_once(zoo, text=SENTENCE, place=PLACE, layer=2, head=3)


@pytest.fixture
def page(shared):
    """The shared page at PLACE, layer 2, head 3, and the server knows."""
    door(shared, PLACE).click()
    layer_button(shared, 2).click()
    thumb(shared, 2, 3).click()
    expect_head(shared, PLACE, 2, 3)
    expect_plot(shared, PLACE, 2, 3)
    return shared


def plan(page):
    return page.get_by_role("group", name="The Transformer: encoder left, decoder right")


def door(page, block):
    return page.locator(f".map [data-block='{block}']")


def layer_button(page, layer):
    return page.get_by_role("group", name="Layer", exact=True).get_by_role(
        "button", name=f"layer {layer}", exact=True
    )


def test_the_open_block_is_marked(page):
    expect(page.locator(".map [aria-current=true]")).to_have_count(1)
    expect(door(page, PLACE)).to_have_attribute("aria-current", "true")
    expect(layer_button(page, 2)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("place", SITES[:2])
def test_a_click_opens_a_block_and_keeps_sentence_layer_and_head(page, place):
    door(page, place).click()
    expect_head(page, place, 2, 3)
    expect(door(page, place)).to_have_attribute("aria-current", "true")
    wanted = {"place": place, "layer": "2", "head": "3", "text": SENTENCE}
    assert wanted.items() <= link(page).items()
    expect(page.get_by_text(f"{head_title(place, 2, 3)}: weights, as a plain plot.")).to_be_visible()


def test_another_layer_opens_in_the_map_and_beside_it(page):
    layer_button(page, 3).click()
    expect_head(page, PLACE, 3, 3)
    assert link(page)["layer"] == "3"


def test_the_map_follows_a_choice_made_beside_it(page):
    page.get_by_role("button", name="layer 1, head 2", exact=True).click()
    expect(layer_button(page, 1)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("tab", name=TITLES["encoder.self_attn"], exact=True).click()
    expect(door(page, "encoder.self_attn")).to_have_attribute("aria-current", "true")


def test_encoder_stands_left_and_decoder_right_and_data_flows_upwards(page):
    decoder = ["decoder.embed", "decoder.self_attn", PLACE, "decoder.ffn", "output", "decoding"]
    encoder = ["encoder.embed", "encoder.self_attn", "encoder.ffn"]
    box = {block: door(page, block).bounding_box() for block in (*encoder, *decoder)}
    for below, above in [*pairwise(encoder), *pairwise(decoder)]:
        assert box[below]["y"] > box[above]["y"] + box[above]["height"]
    assert box["encoder.ffn"]["x"] + box["encoder.ffn"]["width"] < box["decoder.ffn"]["x"]


def test_pointing_names_the_block_with_its_parameters_and_work(page, zoo_glass, zoo_trace):
    glass = zoo_glass("en-de")
    works = multiply_adds(glass.model, {name: len(rows.ids) for name, rows in zoo_trace.sides.items()})
    weighs = parameters(glass.model)
    said = page.locator(".map .said")
    for block in ("encoder.ffn", "decoder.self_attn"):
        door(page, block).hover()
        expect(said).to_contain_text(f"{weighs[block]:,} parameters, {works[block]:,} multiply–adds")
    door(page, "decoder.cross_attn_norm").hover()
    expect(said).to_contain_text("cross-attention, Add & Norm: The stream plus what the block adds")
    expect(said).to_contain_text(f"{weighs['decoder.cross_attn_norm']:,} parameters, no matrix product")
    whole, anatomy = page.locator(".map .total"), glass.model.anatomy
    expect(whole).to_contain_text(f"{total(weighs, anatomy):,} parameters")
    expect(whole).to_contain_text(f"{total(works, anatomy):,} multiply–adds")


def test_arrow_keys_walk_over_the_blocks_and_enter_opens_one(page):
    door(page, PLACE).focus()
    page.keyboard.press("ArrowDown")
    expect(door(page, "decoder.self_attn_norm")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(door(page, "decoder.self_attn")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".map [data-block^='encoder']:focus")).to_have_count(1)
    door(page, "encoder.self_attn").focus()
    page.keyboard.press("Enter")
    expect_head(page, "encoder.self_attn", 2, 3)
    expect(door(page, "encoder.self_attn")).to_be_focused()


def test_on_a_narrow_screen_the_map_folds_to_a_breadcrumb(visit, zoo):
    page = visit(zoo, PHONE, text=SENTENCE, place=PLACE, layer=2, head=1)
    crumb = page.get_by_role("button", name=re.compile("^Map"))
    expect(crumb).to_have_text("Map › decoder › layer 2 › cross-attention")
    expect(plan(page)).to_be_hidden()
    crumb.tap()
    expect(plan(page)).to_be_visible()
    assert_no_sideways_scroll(page, 390)
    door(page, "encoder.self_attn").tap()
    expect(plan(page)).to_be_hidden()
    expect(crumb).to_have_text("Map › encoder › layer 2 › self-attention")


@pytest.mark.parametrize(("name", "n_layers"), [("one", 1), ("wide", 6)])
def test_models_of_any_size_have_a_map(visit, zoo, name, n_layers):
    page = visit(zoo, text=SENTENCE, model=name, layer=n_layers)
    layers = page.get_by_role("group", name="Layer", exact=True).get_by_role("button")
    expect(layers).to_have_count(n_layers)
    frame = plan(page).bounding_box()
    for node in page.locator(".map .box, .map .layers button").all():
        box = node.bounding_box()
        assert frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert frame["y"] <= box["y"] and box["y"] + box["height"] <= frame["y"] + frame["height"]


@pytest.fixture(scope="module")
def roomy(contexts, zoo):
    """A page of the server without the app, where the map has room to unfold."""
    page = contexts(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(f"{zoo}/readyz")
    yield page
    page.close()


def test_the_middle_layer_is_open_where_the_link_names_none(roomy, zoo_glass):
    glass = zoo_glass("wide")
    translation = glass.translate("a")
    message = message_of("map", glass, glass.trace("a", translation), translation, "output")
    mount(roomy, "map", message, "light", place="decoder.ffn")
    middle = glass.config.n_layers // 2 + 1
    expect(layer_button(roomy, middle)).to_have_attribute("aria-pressed", "true")
    door(roomy, "encoder.ffn").click()
    assert link(roomy)["layer"] == str(middle)


# Of each stack where boxes stand (by block: top, bottom), and where residual paths begin and end, from below.
PATHS = """
() => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(`.map ${selector}`)]);
  const frame = all(".plan")[0].getBoundingClientRect().top;
  const boxes = all(".box").map((box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return [box.dataset.block, [top - frame, bottom - frame]];
  });
  const points = (path) => path.getAttribute("d").slice(1).split("L").map((at) => at.split(" ").map(Number));
  const paths = all("svg path[stroke-width='1.5']").map(points);
  return { boxes: Object.fromEntries(boxes), paths: paths.map((path) => [path[0][1], path.at(-1)[1]]) };
}
"""


@pytest.mark.parametrize("model", ["en-de", "pre"])
def test_a_residual_path_begins_below_block_and_norm_and_ends_where_the_sum_is_made(roomy, zoo_glass, model):
    glass = zoo_glass(model)
    translation = glass.translate("a")
    message = message_of("map", glass, glass.trace("a", translation), translation, "output")
    mount(roomy, "map", message, "light", place="decoder.ffn")
    expect(door(roomy, "decoder.ffn")).to_be_visible()
    drawn = roomy.evaluate(PATHS)
    boxes = drawn["boxes"]
    norms = [name for name in boxes if name.endswith("_norm") and not name.endswith("final_norm")]
    assert len(drawn["paths"]) == len(norms) == 5
    for norm, (begin, end) in zip(norms, drawn["paths"], strict=True):
        block = boxes[norm.removesuffix("_norm")]
        assert 0 < begin - max(boxes[norm][1], block[1]) < 10
        into = boxes[norm] if glass.config.norm == "post" else (block[0] - 10, block[0])
        assert into[0] < end < into[1]


def decoder_only(n_layers):
    """Masked self-attention and feed-forward over one side, pre-norm: a model that goes on with a text."""
    side = Side("tgt", "text", 40, predicts=True)
    stack = Stack("decoder", "model", "tgt", n_layers, "decoder.states")
    layer = (
        sublayer(stack, "self_attn", "attention", "Masked self-attention", keys="tgt", causal=True),
        sublayer(stack, "ffn", "ffn", "Feed-forward"),
    )
    output = Block("output", "unembed", "decoder", "Output", "output", "tgt", leaves="output.logits")
    return Anatomy((side,), (stack,), (*stack_of(stack, layer, "pre", True), output))


@pytest.fixture(scope="module")
def one_column(roomy, zoo_glass):
    """The map of a model of one stack, on a page without the app; and its blocks, from below."""
    glass = zoo_glass("pre")
    translation = glass.translate(SENTENCE)
    trace = replace(glass.trace(SENTENCE, translation), anatomy=decoder_only(2))
    message = message_of("map", glass, trace, translation, "output")
    mount(roomy, "map", message, "light", place="decoder.ffn", layer=2)
    return roomy, [block.place for block in trace.anatomy.blocks]


def test_a_model_of_one_stack_has_a_map_of_one_column(one_column):
    page, blocks = one_column
    drawn = page.locator(".map .box").evaluate_all("(all) => all.map((each) => each.dataset.block)")
    assert drawn == blocks
    boxes = [door(page, block).bounding_box() for block in blocks]
    for below, above in pairwise(boxes):
        assert below["x"] == above["x"] and below["y"] > above["y"] + above["height"]
    frame = page.get_by_role("group", name="The Transformer: model").bounding_box()
    layers = page.locator(".map .layers").bounding_box()
    assert frame["y"] <= layers["y"] and layers["y"] + layers["height"] < boxes[-1]["y"]
    for picture in painted(page, ".map canvas"):
        assert_colours(picture, "light")


def test_a_model_of_one_stack_opens_its_own_places(one_column):
    page, _ = one_column
    expect(page.locator(".map [aria-current=true]")).to_have_attribute("data-block", "decoder.ffn")
    door(page, "decoder.self_attn").click()
    assert link(page)["place"] == "decoder.self_attn"
    expect(page.locator(".map [aria-current=true]")).to_have_attribute("data-block", "decoder.self_attn")
    said = "Model, layer 2, masked self-attention: Text tokens ask themselves and those before them."
    expect(page.locator(".map .said")).to_contain_text(said)
    door(page, "decoder.self_attn").press("ArrowLeft")
    expect(door(page, "decoder.self_attn")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(door(page, "decoder.ffn_norm")).to_be_focused()
