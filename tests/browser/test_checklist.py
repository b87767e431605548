"""The lecturer's checklist: from the plain address, everything of a lecture is at most two clicks away."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model.counts import multiply_adds, parameters, total
from tests.helpers.head import HEADER, board, cell_of, number_text, point, stage_values, strip
from tests.helpers.places import SITES
from tests.helpers.screen import tab
from viz.scene import examples

PLACE = "decoder.cross_attn"


class Lecturer:
    """Somebody at the plain address with two clicks; pointing is free."""

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, locator, **where):
        self.clicks += 1
        assert self.clicks <= 2
        locator.click(**where)

    def open(self, block):
        self.click(self.page.locator(f".map [data-block='{block}']"))

    def view(self, name):
        self.click(self.page.get_by_role("tab", name=name, exact=True))

    def inside(self):
        self.view("Inside this head")
        expect(self.page.locator(".check")).to_contain_text("recomputed")


@pytest.fixture
def lecturer(visit, app):
    return Lecturer(visit(app))


@pytest.fixture(scope="module")
def trace(glass):
    """What is computed for the sentence of the plain address."""
    text = examples(glass)[0]
    return glass.trace(text, glass.translate(text, glass.decoding.beam))


@pytest.fixture(scope="module")
def layer(trace):
    return trace.config.n_layers // 2 + 1


def values(trace, stage, layer, place=PLACE):
    return stage_values(trace, stage, place, layer, 1)


def test_tokens_ids_and_the_row_of_the_embedding_times_the_root_of_d_model(lecturer, trace):
    lecturer.open("encoder.embed")
    page = lecturer.page
    expect(page.locator(".piece-id")).to_have_text([str(i) for i in trace.sides["src"].ids])
    expect(page.locator(".formula")).to_contain_text("√d_model")
    title, result = strip(page)
    assert title == "embed[1, 1]" and result == number_text(trace["encoder.embed"].value[0, 0])


def test_positions_as_heat_map_waves_and_similarity_and_the_sum(lecturer, trace):
    lecturer.open("encoder.pos")
    page = lecturer.page
    expect(page.locator(".positions .heading .check")).to_have_class("check right")
    expect(page.get_by_role("tab", name="Heat-map")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("The same columns as waves")).to_be_visible()
    title, result = strip(page)
    position, dimension = map(int, re.fullmatch(r"PE\((\d+)\)\[(\d+)\]", title).groups())
    assert result == number_text(trace["encoder.pos"].value[position, dimension - 1])
    lecturer.view("Similarity")
    expect(page.locator(".formula")).to_contain_text("PE(")
    lecturer.clicks = 1  # the tabs stand side by side: one click after the map's
    lecturer.view("Sum")
    expect(page.locator(".formula")).to_contain_text("+")
    row, column = (int(number) - 1 for number in re.findall(r"\d+", strip(page)[0]))
    assert strip(page)[1] == number_text(trace["encoder.embedded"].value[row, column])


def test_x_becomes_q_k_and_v_and_the_weighted_sum_and_w_o_follow(lecturer, trace, layer):
    lecturer.inside()
    page = lecturer.page
    for stage in ("x_q", "x_kv", "q", "k", "v", "z", "concat", "out"):
        rows, columns = values(trace, stage, layer).shape
        expect(page.locator(f".stage-name[data-stage={stage}] .shape")).to_have_text(f"{rows}×{columns}")
    for stage, says in (("q", "x"), ("z", "weights"), ("out", "concat")):
        point(page, stage)
        expect(page.locator(".strip")).not_to_contain_text("Fetching")
        said = point(page, stage)[0]
        name, row, column = cell_of(said["title"])
        assert name == stage and says in said["formula"]
        assert said["result"] == number_text(values(trace, stage, layer)[row, column])


def test_one_score_by_hand_without_the_division_and_with_padding(lecturer, trace, layer):
    lecturer.inside()
    page = lecturer.page
    x, y = page.locator(".stage-name[data-stage=scores]").evaluate(
        "(node) => [node.offsetLeft, node.offsetTop]"
    )
    lecturer.click(board(page), position={"x": x + 3, "y": y + HEADER + 3})
    title, result = strip(page)
    stage, row, column = cell_of(title)
    assert stage == "scores" and result == number_text(values(trace, "scores", layer)[row, column])
    products = values(trace, "q", layer)[row] * values(trace, "k", layer)[column]
    assert products.sum() == pytest.approx(values(trace, "scores", layer)[row, column], abs=1e-4)
    expect(page.get_by_role("button", name=f"All {len(products)} terms")).to_be_visible()

    page.keyboard.press("Escape")
    lecturer.clicks = 1  # inside the head, as after the first click
    before = point(page, "scaled")[0]["result"]
    assert before == number_text(values(trace, "scaled", layer)[0, 0])
    lecturer.click(page.get_by_role("checkbox", name="÷ √d_head"))
    assert point(page, "scaled")[0]["result"] == number_text(values(trace, "scores", layer)[0, 0]) != before
    expect(page.locator(".knobs")).to_have_class(re.compile("what-if"))

    lecturer.clicks = 1
    lecturer.click(page.get_by_role("checkbox", name="pad the sentence"))
    shape = page.locator(".stage-name[data-stage=masked] .shape")
    expect(shape).not_to_have_text(re.compile(rf"×{len(trace.sides['src'].tokens)}$"))
    assert "−∞" in {said["result"] for said in point(page, "masked", *[(x, 3) for x in range(2, 60, 2)])}


def test_the_causal_mask(lecturer, trace, layer):
    place = "decoder.self_attn"
    lecturer.click(tab(lecturer.page, place))
    lecturer.inside()
    panel = lecturer.page.locator(".stage-name[data-stage=masked]")
    expect(panel).to_be_visible()
    said = point(lecturer.page, "masked", *[(x, 3) for x in range(2, 60, 2)])
    cells = {cell_of(each["title"])[1:]: each["result"] for each in said}
    masked = values(trace, "masked", layer, place)
    assert cells == {cell: number_text(masked[cell]) for cell in cells}
    assert np.isneginf(masked[0, 1:]).all() and "−∞" in cells.values()


def test_rows_sum_to_1_heads_differ_and_the_parameters_are_counted_with_no_click(lecturer, glass, trace):
    page = lecturer.page
    expect(page.locator(".sum .value")).to_have_text("1.0000")
    pictures = page.locator(".thumb[aria-label*=', head '] canvas").evaluate_all(
        "(all) => all.map((canvas) => canvas.toDataURL())"
    )
    config = glass.config
    assert len(pictures) == len(set(pictures)) == config.n_layers * config.n_heads
    works = multiply_adds(glass.model, {name: len(rows.ids) for name, rows in trace.sides.items()})
    expect(page.locator(".map .total")).to_contain_text(
        f"{total(parameters(glass.model), trace.anatomy):,} parameters, "
        f"{total(works, trace.anatomy):,} multiply–adds"
    )


def test_the_three_attentions_have_the_same_rule_of_axes(lecturer):
    page = lecturer.page
    for place in SITES:
        lecturer.clicks = 0
        lecturer.click(tab(page, place))
        expect(page.locator(".check")).to_have_class("check right")
        expect(page.get_by_text("Rows ask, columns answer.")).to_be_visible()


def test_the_residual_stream_and_layer_norm_and_the_feed_forward(lecturer):
    page = lecturer.page
    lecturer.open("encoder.self_attn_norm")
    expect(page.locator(".ffn .check")).to_have_class("check right")
    expect(page.locator(".ffn")).to_contain_text("μ")
    expect(page.locator(".ffn .formula .result")).to_be_visible()
    lecturer.clicks = 0  # the map is always there
    lecturer.open("encoder.ffn")
    expect(page.locator(".ffn .title")).to_contain_text("feed-forward")
    expect(page.locator(".ffn .check")).to_have_class("check right")
    expect(page.locator(".ffn .formula b").first).to_have_text(re.compile("^ffn_hidden"))


def test_a_step_of_the_decoder_with_its_logits_and_probabilities(lecturer, trace):
    lecturer.open("output")
    page = lecturer.page
    expect(page.locator(".output .check")).to_have_class("check right")
    lecturer.click(page.locator(".output .step[data-step='3']"))
    expect(page.locator(".output .title")).to_contain_text(
        f"step 3: from the last state to {trace.predicts[2]}"
    )
    expect(page.locator(".output .check")).to_have_class("check right")
    probs = trace["output.probs"].value[2]
    expect(page.locator(".formula .result")).to_have_text(re.compile(rf"^{probs.max():.4g}\d*$"))


def test_the_story_of_decoding_by_keyboard_another_word_and_the_reason_in_the_beam_tree(visit, app, glass):
    """Play, stop, click the second-best word, see the other translation below, read why one was dropped."""
    page = visit(app)
    page.locator(".map [data-block='decoding']").click()
    where = page.locator(".play-where")
    page.locator(".play-part").focus()
    page.keyboard.press("Space")
    expect(where).not_to_contain_text("step 1 of")
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(where).to_contain_text("step 3 of")
    text = examples(glass)[0]
    first = glass.translate(text, glass.decoding.beam)
    second_best = first.steps[2].alternatives[1]
    page.locator(".play-words [data-rank='1']").click()
    other = glass.translate(text, forced=[*first.ids[:2], second_best.id])
    lanes = page.locator(".play-lane-head")
    expect(lanes).to_have_count(2)
    assert other.text != first.text
    said = page.locator(".play-said[data-lane='1']")
    expect(said).to_have_text([glass.tokenizer.readable(step.id) for step in other.steps])
    assert lanes.nth(1).bounding_box()["y"] > lanes.nth(0).bounding_box()["y"]
    page.get_by_role("tab", name="Beam tree").click()
    pruned = page.locator(".beam-node.pruned").first
    pruned.dispatch_event("pointermove", {"bubbles": True, "movementX": 1})
    expect(page.locator(".strip .note")).to_contain_text(
        re.compile("pruned: score −[0-9.]+, needed −[0-9.]+, short by [0-9.]+")
    )
