"""Inside one head, in a browser: the arithmetic of any cell, the mask in words, `out` checked."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.head import (
    HEAD,
    HEADER,
    KEYS_DOWN,
    LAYER,
    NEED_MATRICES,
    PLACE,
    SENTENCE,
    STAGES,
    TOLERANCE,
    board,
    cell_of,
    number_text,
    open_inside,
    open_view,
    point,
    requests_of,
    site,
    stage_values,
    strip,
)
from tests.helpers.screen import expect_plot, link
from viz import theme

# Acts, and counts what is sent and asked for while it acts.
COUNTED = """
(board, [stage, header]) => {
  const root = board.getRootNode();
  const counts = {};
  const fetched = window.fetch;
  let asked = 0;
  window.fetch = (...args) => { asked += 1; return fetched(...args); };
  const count = (name, act) => {
    const [sent, before] = [window.sentAt.length, asked];
    act();
    counts[name] = [window.sentAt.length - sent, asked - before, root.querySelector(".strip").textContent];
  };
  const box = board.getBoundingClientRect();
  const name = root.querySelector(`.stage-name[data-stage=${stage}]`);
  const [x, y] = [parseFloat(name.style.left) + 3, parseFloat(name.style.top) + header + 3];
  const press = (key) => board.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const slide = (value) => {
    const slider = root.querySelector(".knobs input[type=range]");
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
  };
  const move = { clientX: box.left + x, clientY: box.top + y };
  count("hover", () => board.dispatchEvent(new PointerEvent("pointermove", move)));
  count("cell", () => press("ArrowDown"));
  count("stage", () => press("."));
  count("knob", () => slide("2"));
  count("back", () => slide("1"));
  count("head", () => press("1"));
  window.fetch = fetched;
  return counts;
}
"""


@pytest.fixture(scope="module")
def trace(glass):
    return glass.trace(SENTENCE, glass.translate(SENTENCE, glass.decoding.beam))


@pytest.fixture(scope="module")
def shared(visit_once, app):
    """The page of the deep link, with the inside of the head open, and what it asked for."""
    asked = []
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    options["viewport"] = {"width": 1600, "height": 900}

    def before(page):
        asked.extend([requests_of(page, "attention/projections"), requests_of(page, "attention/exact")])

    link = {"text": SENTENCE, "place": PLACE, "layer": LAYER, "head": HEAD}
    page = visit_once(app, options, before, **link)
    open_inside(page)
    return page, *asked


@pytest.fixture
def inside(shared):
    page = shared[0]
    yield page
    page.keyboard.press("Escape")


def test_the_weight_matrices_are_fetched_when_a_cell_first_needs_them_and_only_once(shared):
    page, projections, _ = shared
    for stage in STAGES:
        if stage not in NEED_MATRICES:
            point(page, stage)
    assert projections == []
    for stage in NEED_MATRICES:
        point(page, stage)
        expect(page.locator(".strip")).not_to_contain_text("Fetching")
    assert len(projections) == 1
    assert f"place={PLACE}" in projections[0] and f"layer={LAYER - 1}" in projections[0]


def test_one_layer_is_one_request_for_exact_numbers(shared):
    page, _, exact = shared
    open_view(page, "Lines")
    open_view(page, "All heads")
    open_inside(page)
    assert len(exact) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_cell_of_any_stage_says_the_traced_number(inside, trace, stage):
    values = stage_values(trace, stage)
    seen = set()
    for said in point(inside, stage, (1, 1), (5, 9), (17, 30), (29, 60), (60, 25)):
        name, row, column = cell_of(said["title"])
        if name != stage:
            continue
        value = values[row, column]
        assert said["result"] == (theme.weight_text(value) if stage == "weights" else number_text(value))
        seen.add((row, column))
    assert (0, 0) in seen and len(seen) > 1


@pytest.mark.parametrize("stage", STAGES)
def test_the_strip_names_the_tokens_of_the_cell(inside, trace, stage):
    (said,) = point(inside, stage, (1, 1))
    entry = trace[f"{site(trace)}.weights"]
    if stage not in KEYS_DOWN:
        assert f"row 1: {entry.labels['query'][0]}" in said["note"]
    if stage in KEYS_DOWN or stage in ("scores", "scaled", "masked", "weights"):
        assert f"key 1: {entry.labels['key'][0]}" in said["note"]


def test_the_mouse_points_too(inside, trace):
    name = inside.locator(".stage-name[data-stage=scaled]").bounding_box()
    inside.mouse.move(name["x"] + 2, name["y"] + HEADER + 2)
    expect(inside.locator(".formula b").first).to_have_text("scaled[1, 1]")
    assert strip(inside)[1] == number_text(stage_values(trace, "scaled")[0, 0])


@pytest.mark.parametrize("stage", STAGES)
def test_the_numpy_snippet_prints_the_number(inside, trace, stage):
    (said,) = point(inside, stage, (5, 9))
    _, row, column = cell_of(said["title"])
    expect(inside.locator(".strip")).not_to_contain_text("Fetching")
    inside.get_by_role("button", name="Copy as NumPy").click()
    expect(inside.get_by_role("button", name="Copied")).to_be_visible()
    snippet = inside.evaluate("navigator.clipboard.readText()")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "snippet", "exec"), {})
    value = stage_values(trace, stage)[row, column]
    assert abs(float(printed.getvalue()) - value) <= TOLERANCE * max(1, abs(value))


def test_without_a_clipboard_the_snippet_is_shown_to_copy_by_hand(inside):
    inside.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    point(inside, "scores")
    inside.get_by_role("button", name="Copy as NumPy").click()
    expect(inside.get_by_role("textbox", name="NumPy snippet")).to_have_value(re.compile("q @ k"))
    inside.evaluate("delete navigator.clipboard")


@pytest.mark.parametrize(("stage", "n_terms"), [("scores", "d_head"), ("q", "d_model"), ("out", "d_model")])
def test_all_terms_unfold_and_add_up(inside, trace, stage, n_terms):
    point(inside, stage)
    expect(inside.locator(".strip")).not_to_contain_text("Fetching")
    bias = stage != "scores"
    total = getattr(trace.config, n_terms) + bias
    inside.get_by_role("button", name=f"All {total} terms").click()
    terms = inside.locator(".term:not(.sum-term)")
    expect(terms).to_have_count(total)
    numbers = [float(text.replace("−", "-")) for text in terms.locator("> b").all_inner_texts()]
    value = stage_values(trace, stage)[0, 0]
    assert sum(numbers) == pytest.approx(value, abs=2e-3 * sum(map(abs, numbers)))
    expect(inside.locator(".term.largest")).to_have_count(1)
    inside.get_by_role("button", name="Fewer terms").click()
    expect(inside.locator(".term.rest")).to_be_visible()


def test_a_weight_shows_its_exponentials(inside, trace):
    (said,) = point(inside, "weights")
    row = stage_values(trace, "masked")[0]
    sum_ = np.exp(row - row.max()).sum()
    assert said["formula"].count("exp(") == 1
    assert f"exp({number_text(row[0])} − {number_text(row.max())})" in said["formula"]
    assert f"{number_text(row.max())} is the row's largest masked score" in said["note"]
    assert float(inside.locator(".sum-term b").inner_text()) == pytest.approx(sum_, rel=1e-3)


def test_keys_walk_through_the_stages_and_stop_at_both_ends(inside):
    board(inside).focus()
    for _ in range(len(STAGES) + 2):
        inside.keyboard.press(",")
    walked = [cell_of(strip(inside)[0])[0]]
    for _ in range(len(STAGES) + 2):
        inside.keyboard.press(".")
        walked.append(cell_of(strip(inside)[0])[0])
    assert walked == [*STAGES, "out", "out", "out"]


@pytest.mark.parametrize("stage", STAGES)
def test_arrow_keys_move_the_cursor_by_one_cell(inside, trace, stage):
    point(inside, stage, (1, 1))
    board(inside).focus()
    steps = {"ArrowDown": (1, 0), "ArrowRight": (1, 1), "ArrowUp": (0, 1), "ArrowLeft": (0, 0)}
    for key, cell in steps.items():
        inside.keyboard.press(key)
        title, result = strip(inside)
        assert cell_of(title) == (stage, *cell)
        value = stage_values(trace, stage)[cell]
        assert result == (theme.weight_text(value) if stage == "weights" else number_text(value))


def test_a_click_pins_the_cell_and_escape_frees_it(inside):
    name = inside.locator(".stage-name[data-stage=scores]").bounding_box()
    inside.mouse.click(name["x"] + 2, name["y"] + HEADER + 2)
    wanted = {"query": "1", "key": "1", "stage": "scores", "view": "inside"}
    assert wanted.items() <= link(inside).items()
    (said,) = point(inside, "weights", (20, 20))
    assert said["title"] == "scores[1, 1]"
    inside.keyboard.press("Escape")
    assert not {"query", "key"} & link(inside).keys()
    assert link(inside)["stage"] == "scores"
    (said,) = point(inside, "weights", (1, 1))
    assert said["title"] == "weights[1, 1]"


def test_every_stage_says_its_shape(inside, trace):
    for stage in STAGES:
        rows, columns = stage_values(trace, stage).shape
        shape = inside.locator(f".stage-name[data-stage={stage}] .shape")
        expect(shape).to_have_text(f"{rows}×{columns}")


def masked_note(page, query, key):
    """What the strip says of a cell of the masked scores (counted from 0)."""
    point(page, "masked")
    board(page).focus()
    for _ in range(query):
        page.keyboard.press("ArrowDown")
    for _ in range(key):
        page.keyboard.press("ArrowRight")
    title, result = strip(page)
    assert cell_of(title) == ("masked", query, key)
    return result, page.locator(".strip .note").inner_text()


def test_the_causal_mask_is_told_in_words(visit, zoo):
    page = visit(zoo, text=SENTENCE, place="decoder.self_attn", layer=2, head=1)
    open_inside(page)
    result, note = masked_note(page, 1, 3)
    assert result == "−∞" and "causal mask: row 2 must not see token 4" in note
    result, note = masked_note(page, 3, 1)
    assert result != "−∞" and "kept: token 2 does not come after row 4" in note


@pytest.fixture(scope="module")
def padded(visit_once, zoo):
    """A page whose sentence is padded on purpose."""
    page = visit_once(zoo, text=SENTENCE, place="encoder.self_attn", layer=2, head=1)
    open_inside(page)
    shape = page.locator(".stage-name[data-stage=weights] .shape")
    before = shape.inner_text()
    page.get_by_role("checkbox", name="pad the sentence").check()
    expect(shape).not_to_have_text(before)
    expect(page.locator(".check")).to_contain_text("recomputed")
    return page


@pytest.fixture(scope="module")
def padded_trace(zoo_glass, zoo_trace, padded):
    """The trace that `padded` shows: as many tokens as its board has rows."""
    shape = padded.locator(".stage-name[data-stage=weights] .shape").inner_text()
    length = int(shape.split("×")[0])
    assert length > len(zoo_trace.sides["src"].tokens)
    glass = zoo_glass("en-de")
    return glass.trace(SENTENCE, glass.translate(SENTENCE), pad_to=length)


def test_the_padding_mask_is_told_in_words(padded, zoo_trace):
    result, note = masked_note(padded, 0, len(zoo_trace.sides["src"].tokens))
    assert result == "−∞" and "padding mask" in note


def test_a_padded_sentence_shows_its_own_traced_numbers(padded, padded_trace):
    for stage in ("scores", "weights"):
        (said,) = point(padded, stage, (5, 5))
        _, row, column = cell_of(said["title"])
        value = stage_values(padded_trace, stage, "encoder.self_attn", 2, 1)[row, column]
        assert said["result"] == (theme.weight_text(value) if stage == "weights" else number_text(value))


def test_a_padded_sentence_checks_right(padded):
    expect(padded.locator(".check")).to_have_class("check right")


def test_padding_stays_while_the_reader_chooses_another_head(visit, zoo, zoo_trace):
    page = visit(zoo, text=SENTENCE, place="encoder.self_attn", layer=2, head=1)
    open_inside(page)
    box = page.get_by_role("checkbox", name="pad the sentence")
    box.check()
    shape = page.locator(".stage-name[data-stage=weights] .shape")
    expect(shape).not_to_have_text("×".join([str(len(zoo_trace.sides["src"].tokens))] * 2))
    before = shape.inner_text()
    sent = page.evaluate("window.sentAt.length")
    page.get_by_role("button", name="head 3", exact=True).click()
    page.wait_for_function("(sent) => window.sentAt.length > sent", arg=sent)
    expect_plot(page, "encoder.self_attn", 2, 3)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    expect(box).to_be_checked()
    expect(shape).to_have_text(before)


def test_out_is_checked_once_the_weight_matrices_are_there(inside):
    point(inside, "q")
    expect(inside.locator(".check")).to_have_attribute("title", re.compile(r"z, out of this head"))
    expect(inside.locator(".check")).to_have_class("check right")


def test_hover_cell_stage_knob_and_head_send_no_message_and_ask_for_nothing(inside):
    point(inside, "q")
    expect(inside.locator(".strip")).not_to_contain_text("Fetching")
    counts = board(inside).evaluate(COUNTED, ["masked", HEADER])
    said = [strip for _, _, strip in counts.values()]
    assert all(before != after for before, after in zip(said, said[1:4], strict=False)), "each did something"
    assert {name: (sent, asked) for name, (sent, asked, _) in counts.items()} == dict.fromkeys(counts, (0, 0))
