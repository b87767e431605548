"""Inside one head, in a browser: every stage, the arithmetic of any cell, self-check, knobs, lines, speed."""

from __future__ import annotations

import contextlib
import io
import re
import statistics

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.screen import FOCUSED, expect_plot, link, matrix, tab
from tests.checkpoints import text_of
from tests.unit.viz.test_transport import unpack
from viz import theme
from viz.instruments import pack
from viz.scene import PLACES

SENTENCE = "Where is the station?"
PLACE, LAYER, HEAD = "decoder.cross_attn", 4, 2
STAGES = ("x_q", "x_kv", "q", "k", "v", "scores", "scaled", "masked", "weights", "z", "concat", "out")
NEED_MATRICES = ("q", "k", "v", "out")
KEYS_DOWN = {"x_kv", "k", "v"}
HEADER = 58
TOLERANCE = 1e-5
ONE_FRAME_MS = 16
REPEATS = 30

# Points at places of a stage's panel (from its top-left cell's corner); gives what the strip says each time.
POINT = """
(board, [stage, places, header]) => {
  const root = board.getRootNode();
  const name = root.querySelector(`.stage-name[data-stage=${stage}]`);
  const box = board.getBoundingClientRect();
  const [x, y] = [parseFloat(name.style.left), parseFloat(name.style.top) + header];
  return places.map(([dx, dy]) => {
    const at = { clientX: box.left + x + dx, clientY: box.top + y + dy };
    board.dispatchEvent(new PointerEvent("pointermove", at));
    return {
      title: root.querySelector(".formula b").textContent,
      result: root.querySelector(".formula .result").textContent,
      formula: root.querySelector(".formula").textContent,
      note: root.querySelector(".strip .note").textContent,
    };
  });
}
"""
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
TIME = """
(board, [repeats, header]) => {
  const root = board.getRootNode();
  const box = board.getBoundingClientRect();
  const name = root.querySelector(".stage-name[data-stage=scores]");
  const [x, y] = [parseFloat(name.style.left), parseFloat(name.style.top) + header];
  const press = (key) => board.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const slider = root.querySelector(".knobs input[type=range]");
  const heads = root.querySelectorAll(".head-choice").length;
  const acts = {
    hover: (i) => {
      const at = { clientX: box.left + x + 2 + i, clientY: box.top + y + 2 + i };
      board.dispatchEvent(new PointerEvent("pointermove", at));
    },
    cell: (i) => press(i % 4 < 2 ? "ArrowDown" : "ArrowUp"),
    stage: (i) => press(i % 4 < 2 ? "," : "."),
    knob: (i) => {
      slider.value = i % 2 ? "0.5" : "2.5";
      slider.dispatchEvent(new Event("input"));
    },
    head: (i) => press(String(1 + (i % heads))),
  };
  const work = new Float64Array(200000).fill(1.1);
  const calibrate = () => {
    let sum = 0;
    for (let n = 0; n < 5; n++) for (let i = 0; i < work.length; i++) sum += work[i] * work[i];
    return sum;
  };
  const timed = (act) => {
    const start = performance.now();
    act();
    root.querySelector(".attention").getBoundingClientRect();
    return performance.now() - start;
  };
  for (const act of Object.values(acts)) act(0);
  for (let i = 0; i < 10; i++) calibrate();
  const times = { calibration: [] };
  for (const [name, act] of Object.entries(acts)) {
    times[name] = [];
    for (let i = 0; i < repeats; i++) {
      times[name].push(timed(() => act(i)));
      times.calibration.push(timed(calibrate));
    }
    if (name === "knob") { slider.value = "1"; slider.dispatchEvent(new Event("input")); }
  }
  return times;
}
"""
LAYERS = """
async (board, repeats) => {
  const root = board.getRootNode();
  const times = [];
  const press = (key) => board.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    press(i % 2 ? "PageUp" : "PageDown");
    while (!root.querySelector(".check").textContent) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times;
}
"""


# What the screen should say


def number_text(value):
    """numbers.js: four significant digits."""
    value = float(value)
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "−∞" if value < 0 else "∞"
    if value == 0:
        return "0"
    text = f"{value:.2e}" if not 1e-4 <= abs(value) < 1e5 else f"{value:#.4g}".rstrip(".")
    digits, _, exponent = text.partition("e")
    if exponent:
        digits += f"e{int(exponent):+d}"
    return digits.replace("-", "−", 1) if value < 0 else digits


def softmax(x, temperature=1.0):
    e = np.exp((x - x.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def bits(weights):
    logs = np.log2(weights, where=weights > 0, out=np.zeros_like(weights))
    return -(weights * logs).sum(-1)


def site(trace, place=PLACE, layer=LAYER):
    stack, name = place.split(".")
    return f"{stack}.{layer - 1}.{name}"


def stage_values(trace, stage, place=PLACE, layer=LAYER, head=HEAD):
    """A stage of one head as float64; layer and head count from 1."""
    name = site(trace, place, layer)
    if stage in ("x_q", "x_kv"):
        return trace[trace[f"{name}.{'q' if stage == 'x_q' else 'k'}"].of[0]].value.astype(float)
    if stage == "concat":
        z = trace[f"{name}.z"].value.astype(float)
        return z.transpose(1, 0, 2).reshape(z.shape[1], -1)
    value = trace[f"{name}.{stage}"].value.astype(float)
    return value if stage == "out" else value[head - 1]


def cell_of(title):
    """ "scores[3, 5]" → ("scores", 2, 4)."""
    stage, row, column = re.fullmatch(r"(\w+)\[(\d+), (\d+)\]", title).groups()
    return stage, int(row) - 1, int(column) - 1


def heaviest(weights, share):
    """Cells, heaviest first, that together hold the share."""
    order = np.argsort(-weights.ravel(), kind="stable")
    order = order[weights.ravel()[order] > 0]
    mass = np.concatenate([[0], np.cumsum(weights.ravel()[order])])
    return order[: int(np.argmax(mass >= share * mass[-1] - 1e-12))]


# What the screen says


def board(page):
    return page.locator(".board")


def open_view(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def open_inside(page):
    open_view(page, "Inside this head")
    expect(page.locator(".formula .result")).to_be_visible()
    expect(page.locator(".check")).to_contain_text("recomputed")


def point(page, stage, *places):
    """Point at places of a panel, in pixels from its corner: what the strip says at each."""
    return board(page).evaluate(POINT, [stage, places or [(1, 1)], HEADER])


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def requests_of(page, what):
    """A list that fills up with the addresses that the page asks for."""
    asked = []
    wanted = f"/numbers/{what}"
    page.on("request", lambda request: asked.append(request.url) if wanted in request.url else None)
    return asked


@pytest.fixture(scope="module")
def trace(glass):
    return glass.trace(SENTENCE, glass.translate(SENTENCE))


@pytest.fixture(scope="module")
def zoo_trace(zoo_glass):
    glass = zoo_glass("en-de")
    return glass.trace(SENTENCE, glass.translate(SENTENCE))


@pytest.fixture(scope="module")
def shared(visit_once, app):
    """The page of the deep link, with the inside of the head open, and what it asked for."""
    asked = []
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    options["viewport"] = {"width": 1600, "height": 900}

    def before(page):
        asked.extend([requests_of(page, "projections"), requests_of(page, "exact")])

    link = {"text": SENTENCE, "place": PLACE, "layer": LAYER, "head": HEAD}
    page = visit_once(app, options, before, **link)
    open_inside(page)
    return page, *asked


@pytest.fixture
def inside(shared):
    page = shared[0]
    yield page
    page.keyboard.press("Escape")


# Any cell explains itself


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
    assert f"the largest masked score of the row, {number_text(row.max())}," in said["note"]
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
    assert not {"query", "key", "stage"} & link(inside).keys()
    (said,) = point(inside, "weights", (1, 1))
    assert said["title"] == "weights[1, 1]"


def test_every_stage_says_its_shape(inside, trace):
    for stage in STAGES:
        rows, columns = stage_values(trace, stage).shape
        shape = inside.locator(f".stage-name[data-stage={stage}] .shape")
        expect(shape).to_have_text(f"{rows}×{columns}")


# The mask, in words


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
    assert length > len(zoo_trace.src_tokens)
    glass = zoo_glass("en-de")
    return glass.trace(SENTENCE, glass.translate(SENTENCE), pad_to=length)


def test_the_padding_mask_is_told_in_words(padded, zoo_trace):
    result, note = masked_note(padded, 0, len(zoo_trace.src_tokens))
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
    expect(shape).not_to_have_text("×".join([str(len(zoo_trace.src_tokens))] * 2))
    before = shape.inner_text()
    sent = page.evaluate("window.sentAt.length")
    page.get_by_role("button", name="head 3", exact=True).click()
    page.wait_for_function("(sent) => window.sentAt.length > sent", arg=sent)
    expect_plot(page, "encoder.self_attn", 2, 3)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    expect(box).to_be_checked()
    expect(shape).to_have_text(before)


# The self-check


@pytest.mark.parametrize("place", PLACES)
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

    return lambda page: page.route("**/numbers/exact*", answer)


def set_to(stage, value):
    def change(arrays):
        array = arrays[stage]
        index = (HEAD - 1, 1, 0) if array.ndim == 3 else (1, 0)
        array[index] = value if np.isnan(value) else array[index] + value

    return change


TAMPERED = ("scores", "scaled", "masked", "weights", "z")


@pytest.mark.parametrize("value", [0.01, np.nan], ids=["wrong", "NaN"])
@pytest.mark.parametrize("stage", TAMPERED)
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


def test_out_is_checked_once_the_weight_matrices_are_there(inside):
    point(inside, "q")
    expect(inside.locator(".check")).to_have_attribute("title", re.compile(r"z, out of this head"))
    expect(inside.locator(".check")).to_have_class("check right")


# What if


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


@pytest.mark.parametrize("temperature", [0.1, 0.5, 4.0])
def test_the_temperature_divides_before_the_softmax(knob, temperature):
    what = knob("decoder.self_attn")
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


@pytest.mark.parametrize("stage", ["q", "scores", "scaled", "masked", "weights", "z", "concat", "out"])
def test_a_snippet_under_the_knobs_prints_the_what_if_number(knob, stage):
    what = knob("decoder.self_attn")
    what.untick("÷ √d_head")
    what.temperature("2")
    page = what.page
    point(page, stage, (5, 9))
    expect(page.locator(".strip")).not_to_contain_text("Fetching")
    (said,) = point(page, stage, (5, 9))
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy as NumPy").click()
    snippet = page.get_by_role("textbox", name="NumPy snippet").input_value()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "snippet", "exec"), {})
    shown = said["result"].replace("−", "-").replace("∞", "inf")
    assert float(printed.getvalue()) == pytest.approx(float(shown), rel=1e-3, abs=6e-5)


# Heads


WORDS = {
    "diagonal": "itself",
    "previous": "the previous token",
    "next": "the next token",
    "first": "the first token",
    "end": "the end token",
}


def figures_of(weights, self_attention):
    total = weights.sum()
    figures = {"first": weights[:, 0].sum() / total, "end": weights[:, -1].sum() / total}
    if self_attention:
        for name, offset in {"diagonal": 0, "previous": -1, "next": 1}.items():
            figures[name] = np.trace(weights, offset=offset) / total
    return figures


@pytest.mark.parametrize("place", PLACES)
def test_what_a_head_does_is_said_with_its_figures(visit, zoo, zoo_trace, place):
    page = visit(zoo, text=SENTENCE, place=place, layer=2, head=2)
    expect(page.locator(".head-line")).to_have_count(zoo_trace.config.n_heads)
    weights = stage_values(zoo_trace, "weights", place, 2, 2)
    said = page.locator(".figures").inner_text()
    entropy, most = re.search(r"entropy ([\d.]+) of ([\d.]+) bits", said).groups()
    assert float(entropy) == pytest.approx(bits(weights).mean(), abs=0.00501)
    assert float(most) == pytest.approx(np.log2(weights.shape[1]), abs=0.00501)
    figures = figures_of(weights, place.endswith("self_attn"))
    for name, share in figures.items():
        (percent,) = re.search(rf"{WORDS[name]} (<?[\d.]+)%", said).groups()
        if percent == "<0.1":
            assert 0 < share < 0.0005, name
        else:
            assert float(percent) == pytest.approx(100 * share, abs=0.0501), name
    if place == "decoder.cross_attn":
        centre = weights @ np.arange(weights.shape[1])
        above = np.triu(np.ones((len(centre), len(centre)), bool), k=1)
        ordered = (centre[None] > centre[:, None])[above].mean()
        (percent,) = re.search(r"left to right in ([\d.]+)% of row pairs", said).groups()
        assert float(percent) == pytest.approx(100 * ordered, abs=0.0501)


@pytest.mark.parametrize("place", PLACES)
def test_a_badge_names_the_pattern_that_holds_more_than_half_of_the_mass(visit, zoo, zoo_trace, place):
    page = visit(zoo, text=SENTENCE, place=place, layer=1, head=1)
    lines = page.locator(".head-line")
    expect(lines).to_have_count(zoo_trace.config.n_heads)
    for head, line in enumerate(lines.all(), 1):
        figures = figures_of(stage_values(zoo_trace, "weights", place, 1, head), place.endswith("self_attn"))
        best = max(figures, key=figures.get)
        if figures[best] > 0.5:
            expect(line.locator(".badge")).to_contain_text(f"mostly looks at {WORDS[best]}")
        else:
            expect(line).to_contain_text("no single pattern")


# Lines


LINES = """
(figure) => [...figure.querySelectorAll("path")].filter((line) => line.style.display !== "none")
  .map((line) => [line.dataset.head, line.dataset.query, line.dataset.key].map(Number))
"""


@pytest.fixture(scope="module")
def lines_page(visit_once, zoo):
    page = visit_once(zoo, text=SENTENCE, place=PLACE, layer=2, head=2)
    expect(page.locator(".check")).to_contain_text("recomputed")
    open_view(page, "Lines")
    page.locator(".lines-figure svg").wait_for()
    return page


@pytest.fixture
def lines(lines_page):
    """Lines of head 2 alone, at the share that it starts with."""
    toggles = lines_page.get_by_role("group", name="Heads drawn").get_by_role("button")
    for toggle in toggles.all()[2:]:
        if toggle.get_attribute("aria-pressed") == "true":
            toggle.click()
    lines_page.get_by_role("slider", name="Share of the mass drawn").fill("80")
    lines_page.mouse.move(1, 1)
    return lines_page


def drawn(page):
    return page.locator(".lines-figure").evaluate(LINES)


def expected_lines(trace, head, share):
    weights = stage_values(trace, "weights", PLACE, 2, head)
    return {(head - 1, *divmod(int(cell), weights.shape[1])) for cell in heaviest(weights, share)}


@pytest.mark.parametrize("percent", [5, 50, 80, 100])
def test_the_heaviest_lines_are_drawn_until_they_hold_the_share(lines, zoo_trace, percent):
    lines.get_by_role("slider", name="Share of the mass drawn").fill(str(percent))
    assert set(map(tuple, drawn(lines))) == expected_lines(zoo_trace, 2, percent / 100)


def test_lines_run_from_queries_to_keys_where_lengths_differ(lines, zoo_trace):
    n_queries, n_keys = stage_values(zoo_trace, "weights", PLACE, 2, 2).shape
    assert n_queries != n_keys
    expect(lines.locator(".line-token")).to_have_count(n_queries + n_keys)
    lines.get_by_role("slider", name="Share of the mass drawn").fill("100")
    cells = drawn(lines)
    assert {query for _, query, _ in cells} == set(range(n_queries))
    assert {key for _, _, key in cells} == set(range(n_keys))


def test_a_lines_width_and_opacity_grow_with_its_weight(lines, zoo_trace):
    weights = stage_values(zoo_trace, "weights", PLACE, 2, 2)
    attributes = "(lines) => lines.map((line) => ['data-query', 'data-key', 'stroke-width', 'stroke-opacity']"
    attributes += ".map((name) => Number(line.getAttribute(name))))"
    rows = np.array(lines.locator(".lines-figure path").evaluate_all(attributes))
    own = weights[rows[:, 0].astype(int), rows[:, 1].astype(int)]
    order = np.argsort(own)
    assert (np.diff(rows[order, 2]) >= -0.0051).all() and rows[order[-1], 2] > rows[order[0], 2]
    assert (np.diff(rows[order, 3]) >= 0).all()


@pytest.mark.parametrize(("side", "index"), [("query", 3), ("key", 1)])
def test_pointing_at_a_token_keeps_only_its_lines(lines, zoo_trace, side, index):
    n_queries = stage_values(zoo_trace, "weights", PLACE, 2, 2).shape[0]
    all_lines = set(map(tuple, drawn(lines)))
    lines.locator(".line-token").nth(index if side == "query" else n_queries + index).hover()
    at = 1 if side == "query" else 2
    assert set(map(tuple, drawn(lines))) == {line for line in all_lines if line[at] == index}
    lines.mouse.move(1, 1)
    assert set(map(tuple, drawn(lines))) == all_lines


def test_several_heads_are_drawn_at_once_each_in_its_colour(lines, zoo_trace):
    lines.get_by_role("button", name="head 4", exact=True).last.click()
    expected = expected_lines(zoo_trace, 2, 0.8) | expected_lines(zoo_trace, 4, 0.8)
    assert set(map(tuple, drawn(lines))) == expected
    colours = lines.locator(".lines-figure path").evaluate_all(
        "(lines) => lines.map((line) => [line.dataset.head, line.getAttribute('stroke')])"
    )
    palette = theme.HEADS["light"]
    assert {tuple(pair) for pair in colours} == {("1", palette[1]), ("3", palette[3])}


# Nothing is asked for


def test_hover_cell_stage_knob_and_head_send_no_message_and_ask_for_nothing(inside):
    point(inside, "q")
    expect(inside.locator(".strip")).not_to_contain_text("Fetching")
    counts = board(inside).evaluate(COUNTED, ["masked", HEADER])
    said = [strip for _, _, strip in counts.values()]
    assert all(before != after for before, after in zip(said, said[1:4], strict=False)), "each did something"
    assert {name: (sent, asked) for name, (sent, asked, _) in counts.items()} == dict.fromkeys(counts, (0, 0))


def test_pointing_walking_and_turning_knobs_send_nothing_later_either(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=2)
    open_inside(page)
    point(page, "q")
    expect(page.locator(".strip")).not_to_contain_text("Fetching")
    sent = page.evaluate("window.sentAt.length")
    board(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(".")
    page.get_by_role("slider", name="Temperature").fill("2")
    page.get_by_role("button", name="head 3", exact=True).click()
    at = page.evaluate("performance.now()")
    expect_plot(page, PLACE, 2, 3, "k")
    later = page.evaluate("(sent) => window.sentAt.slice(sent)", sent)
    assert later and min(later) > at, "only the head, after its pause, is told"


def test_another_layer_is_one_request_for_its_exact_numbers_and_coming_back_none(visit, zoo):
    asked = []
    page = visit(zoo, None, lambda page: asked.extend([requests_of(page, "")]), text=SENTENCE, layer=2)
    open_inside(page)
    board(page).focus()
    for key, layers in (("PageDown", [2]), ("PageUp", [2]), ("PageUp", [2, 0])):
        page.keyboard.press(key)
        expect(page.locator(".check")).to_contain_text("recomputed")
        fetched = [int(re.search(r"layer=(\d)", url)[1]) for url in asked[0]]
        assert fetched == [1, *layers]
    assert all("/numbers/exact" in url for url in asked[0])


# Speed


def medians(page, repeats=REPEATS):
    times = board(page).evaluate(TIME, [repeats, HEADER])
    loaded = statistics.median(times["calibration"]) / min(times.pop("calibration"))
    return {name: statistics.median(each) for name, each in times.items()}, min(3.0, max(1.0, loaded))


def told(capsys, what, times):
    with capsys.disabled():
        print(f"\n{what}: " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items()))


def test_every_change_inside_a_head_of_20_by_20_tokens_takes_less_than_a_frame(visit, app, glass, capsys):
    page = visit(app, text=text_of(glass, 20), place="encoder.self_attn", layer=2)
    open_inside(page)
    times, loaded = medians(page)
    told(capsys, f"median of {REPEATS}, 20×20 tokens (machine × {loaded:.1f})", times)
    layers = board(page).evaluate(LAYERS, 10)
    told(capsys, "median of 10, 20×20 tokens", {"layer": statistics.median(layers)})
    assert {name: ms for name, ms in times.items() if ms >= ONE_FRAME_MS * loaded} == {}


def test_60_tokens_are_measured_too(visit, app, glass, capsys):
    page = visit(app, text=text_of(glass, 60), place="encoder.self_attn", layer=2)
    open_inside(page)
    times, loaded = medians(page)
    told(capsys, f"median of {REPEATS}, 60×60 tokens (machine × {loaded:.1f})", times)
    layers = board(page).evaluate(LAYERS, 10)
    told(capsys, "median of 10, 60×60 tokens", {"layer": statistics.median(layers)})
    assert set(times) == {"hover", "cell", "stage", "knob", "head"}


# Any screen, any text, any hand


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def assert_no_sideways_scroll(page, width):
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0


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


@pytest.mark.parametrize("width", [1000, 1280, 1920])
def test_nothing_scrolls_sideways_in_any_view_of_a_wide_screen(visit, zoo, zoo_glass, width):
    options = {"viewport": {"width": width, "height": 720}}
    page = visit(zoo, options, text=text_of(zoo_glass("en-de"), 40), layer=2)
    for view in ("Inside this head", "Lines", "All heads"):
        open_view(page, view)
        assert_no_sideways_scroll(page, width)


TEXTS = {
    "one token": "a",
    "repeated tokens": "the the the the the the",
    "markup": "<b>bold</b>",
    "emoji": "👩‍👩‍👧 runs 🏃🏽‍♀️!",
    "Arabic": "شكرا جزيلا",
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
    expect(page.locator(".title")).to_have_text(theme.head_title(PLACE, layer, head))


def test_the_plot_shows_the_stage_that_was_pointed_at_last(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=1)
    open_inside(page)
    name = page.locator(".stage-name[data-stage=scaled]").bounding_box()
    page.mouse.click(name["x"] + 2, name["y"] + HEADER + 2)
    expect_plot(page, PLACE, 2, 1, "scaled")


def test_numbers_that_do_not_arrive_are_said_in_a_sentence_and_come_when_asked_again(visit, zoo):
    def refuse_layer_3(page):
        page.route(
            re.compile(r"/numbers/exact.*layer=2"), lambda route: route.fulfill(status=200, body=b"\0" * 8)
        )

    page = visit(zoo, None, refuse_layer_3, text=SENTENCE, layer=2)
    open_inside(page)
    board(page).focus()
    page.keyboard.press("PageDown")
    expect(page.locator(".trouble")).to_contain_text("did not arrive")
    page.unroute(re.compile(r"/numbers/exact.*layer=2"))
    tab(page, "encoder.self_attn").click()
    tab(page, PLACE).click()
    expect(page.locator(".trouble")).to_be_hidden()
    expect(page.locator(".check")).to_have_class("check right")
