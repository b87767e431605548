"""Feed-forward and Add & Norm in a browser: every cell says the trace's number and how it came about."""

from __future__ import annotations

import contextlib
import io
import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model import load
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.head import PHONE, SENTENCE, number_text, requests_of
from tests.helpers.messages import unpack
from tests.helpers.places import ADD_NORMS, TITLES
from tests.helpers.screen import link
from viz.instruments import pack
from viz.instruments.ffn import chain, exact, matrices, short

PLACE, LAYER = "encoder.ffn", 2
N_ROWS = 10
"""Source tokens of SENTENCE in the zoo's vocabulary."""
STAGES = (
    "resid_after_self_attn",
    "ffn_pre",
    "ffn_hidden",
    "ffn_out",
    "norm_in",
    "mean",
    "std",
    "norm_out",
    "resid_out",
)
NEED_MATRICES = ("ffn_pre", "ffn_out")
NORM = "decoder.cross_attn_norm"
NORM_STAGES = ("resid_after_self_attn", "out", *STAGES[4:8], "resid_after_cross_attn")

# Points at places of a panel, [pixels from its left edge, row]; gives what the strip says each time.
POINT = """
(board, [stage, places]) => {
  const root = board.getRootNode();
  const name = root.querySelector(`.stage-name[data-stage=${stage}]`);
  const box = board.getBoundingClientRect();
  const [x, y, cell] = [parseFloat(name.style.left), Number(name.dataset.y), Number(board.dataset.cell)];
  return places.map(([dx, row]) => {
    const at = { clientX: box.left + x + dx, clientY: box.top + y + (row + 0.5) * cell };
    const sent = window.sentAt.length;
    board.dispatchEvent(new PointerEvent("pointermove", at));
    return {
      title: root.querySelector(".formula b").textContent,
      result: root.querySelector(".formula .result")?.textContent,
      note: root.querySelector(".strip .note").textContent,
      sum: root.querySelector(".sum-term b")?.textContent,
      sent: window.sentAt.length - sent,
    };
  });
}
"""


def shown(page):
    """Wait until the layer's numbers are on screen, and the server has nothing more to say."""
    page.locator(".ffn .formula .result").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def point(page, stage, *places):
    return page.locator(".ffn .board").evaluate(POINT, [stage, places or [(1, 0)]])


def cell_of(title):
    """ "ffn_pre[3, 5]" → ("ffn_pre", 2, 4); "mean[3]" → ("mean", 2, 0)."""
    stage, row, column = re.fullmatch(r"(\w+)\[(\d+)(?:, (\d+))?\]", title).groups()
    return stage, int(row) - 1, int(column or 1) - 1


def values_of(trace, stage, layer=LAYER, place=PLACE):
    """A stage of a layer, counted from 1."""
    names = {short(name): name for name in chain(trace, place, layer - 1)}
    return trace[names[stage]].value


@pytest.fixture(scope="module")
def shared(visit_once, zoo):
    asked = []
    options = {
        "permissions": ["clipboard-read", "clipboard-write"],
        "viewport": {"width": 1280, "height": 720},
    }

    def before(page):
        asked.extend([requests_of(page, "ffn/matrices"), requests_of(page, "ffn/exact")])

    page = visit_once(zoo, options, before, shown, text=SENTENCE, place=PLACE, layer=LAYER)
    return page, *asked


@pytest.fixture
def page(shared):
    yield shared[0]
    shared[0].keyboard.press("Escape")


def test_the_weight_matrices_are_fetched_when_a_cell_first_needs_them_and_only_once(shared):
    page, asked, exact_asked = shared
    for stage in STAGES:
        if stage not in NEED_MATRICES:
            point(page, stage)
    assert asked == [] and len(exact_asked) == 1
    for stage in NEED_MATRICES:
        point(page, stage)
        expect(page.locator(".ffn .strip")).not_to_contain_text("Fetching")
    assert len(asked) == 1 and f"place={PLACE}" in asked[0] and f"layer={LAYER - 1}" in asked[0]


def test_the_browser_recomputes_every_stage_and_agrees(page):
    point(page, "ffn_pre")
    badge = page.locator(".ffn .check")
    expect(badge).to_have_class("check right")
    expect(badge).to_have_attribute("title", re.compile("norm_out.*resid_out"))
    for stage in STAGES[1:]:
        assert stage in badge.get_attribute("title")


@pytest.mark.parametrize("stage", STAGES)
def test_a_cell_says_the_traces_number_and_no_message_leaves(page, zoo_trace, stage):
    values = values_of(zoo_trace, stage)
    assert len(values) == N_ROWS
    places = [(1 + 7 * dx, row) for dx in range(6) for row in range(N_ROWS)]
    said = point(page, stage, *places)
    cells = {cell_of(each["title"]) for each in said}
    assert len({row for _, row, _ in cells}) == len(values)
    assert len({column for _, _, column in cells}) >= min(4, values.shape[1])
    for each in said:
        name, row, column = cell_of(each["title"])
        assert (name, each["result"]) == (stage, number_text(values[row, column]))
        assert f"row {row + 1}: {zoo_trace.sides['src'].tokens[row]}" in each["note"]
        assert each["sent"] == 0


@pytest.mark.parametrize("stage", ["ffn_pre", "ffn_out", "norm_in", "mean"])
def test_the_terms_sum_to_the_cell(page, zoo_trace, stage):
    point(page, "ffn_pre")
    expect(page.locator(".ffn .strip")).not_to_contain_text("Fetching")
    for each in point(page, stage, (8, 0), (20, 1)):
        sum_, result = (float(each[name].replace("−", "-")) for name in ("sum", "result"))
        assert sum_ == pytest.approx(result, abs=2e-4, rel=1e-3)


@pytest.mark.parametrize("stage", STAGES)
def test_the_copied_snippet_prints_the_number(page, zoo_trace, stage):
    point(page, stage, (20, 1))
    expect(page.locator(".ffn .strip")).not_to_contain_text("Fetching")
    page.locator(".ffn .strip .copy").click()
    expect(page.locator(".ffn .strip .copy")).to_have_text("Copied")
    _, row, column = cell_of(page.locator(".ffn .formula b").first.inner_text())
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(page.evaluate("navigator.clipboard.readText()"), {})
    assert float(out.getvalue()) == pytest.approx(float(values_of(zoo_trace, stage)[row, column]), abs=1e-5)


def test_the_strongest_units_and_their_tokens_are_numpys(page, zoo_trace):
    hidden = values_of(zoo_trace, "ffn_hidden")
    for row in (0, len(hidden) - 1):
        point(page, "ffn_hidden", (1, row))
        order = [unit for unit in np.argsort(-hidden[row], kind="stable")[:10] if hidden[row, unit] > 0]
        lines = page.locator(".ffn .unit")
        expect(lines).to_have_count(len(order))
        assert [int(name.split()[1]) - 1 for name in lines.locator("button").all_inner_texts()] == order
        assert lines.locator(".unit-value").all_inner_texts() == [number_text(hidden[row, u]) for u in order]
        for line, unit in zip(lines.all(), order, strict=True):
            rows = [i for i in np.argsort(-hidden[:, unit], kind="stable")[:3] if hidden[i, unit] > 0]
            titles = [f"row {i + 1}: {zoo_trace.sides['src'].tokens[i]}" for i in rows]
            tokens = line.locator(".unit-token")
            assert [token.get_attribute("title") for token in tokens.all()] == titles


def test_the_caption_says_which_share_of_units_is_on(page, zoo_trace):
    shares = (values_of(zoo_trace, "ffn_hidden") > 0).mean(-1)
    least, most = (f"{100 * s:.{1 if s < 0.0995 else 0}f}%" for s in (shares.min(), shares.max()))
    expect(page.locator(".ffn .site-caption")).to_contain_text(
        f"between {least} and {most} of the 32 hidden units"
    )


def test_keys_move_the_cursor_pin_it_and_write_the_link(page):
    point(page, "ffn_pre", (1, 0))
    board = page.locator(".ffn .board")
    board.focus()
    walk = [("ArrowDown", "ffn_pre[2, 1]"), ("ArrowRight", "ffn_pre[2, 2]"), (".", "ffn_hidden[2, 2]")]
    walk += [(",", "ffn_pre[2, 2]"), ("ArrowUp", "ffn_pre[1, 2]"), ("ArrowUp", "ffn_pre[1, 2]")]
    for key, title in walk:
        board.press(key)
        expect(page.locator(".ffn .formula b").first).to_have_text(title)
    board.press("Enter")
    cell = {"place": PLACE, "layer": str(LAYER), "query": "1", "stage": "ffn_pre", "feature": "2"}
    assert link(page).items() >= cell.items()
    assert point(page, "ffn_out", (1, 1))[0]["title"] == "ffn_pre[1, 2]"
    board.press("Escape")
    assert not {"query", "stage", "feature", "panel", "unit"} & set(link(page))
    assert point(page, "ffn_out", (1, 1))[0]["title"] == "ffn_out[2, 1]"


def test_page_keys_change_the_layer_by_one(page):
    title, board = page.locator(".ffn .title"), page.locator(".ffn .board")
    layers = [("PageUp", 1), ("PageUp", 1), ("PageDown", 2), ("PageDown", 3), ("PageDown", 3), ("PageUp", 2)]
    for key, layer in layers:
        board.press(key)
        expect(title).to_have_text(f"Encoder feed-forward, layer {layer}")
    shown(page)


def test_page_keys_and_buttons_change_the_layer(page, zoo_trace):
    page.locator(".ffn .board").press("PageDown")
    expect(page.locator(".ffn .title")).to_have_text("Encoder feed-forward, layer 3")
    shown(page)
    (said,) = point(page, "ffn_hidden", (1, 0))
    _, row, column = cell_of(said["title"])
    assert said["result"] == number_text(values_of(zoo_trace, "ffn_hidden", 3)[row, column])
    assert link(page)["layer"] == "3"
    page.locator(f".ffn [data-layer='{LAYER}']").click()
    expect(page.locator(".ffn .title")).to_have_text(f"Encoder feed-forward, layer {LAYER}")
    shown(page)


def tampered(stage, value):
    """A `before` for visit: one number of the layer is another."""

    def answer(route):
        header, arrays = unpack(route.fetch().body())
        arrays = {name: array.copy() for name, array in arrays.items()}
        arrays[stage][0, 0] = value
        del header["arrays"]
        route.fulfill(status=200, content_type="application/octet-stream", body=pack(header, arrays))

    return lambda page: page.route("**/numbers/ffn/exact?*", answer)


@pytest.mark.parametrize(("stage", "value"), [("std", 7.0), ("ffn_hidden", float("nan"))])
def test_a_wrong_number_turns_the_badge_red(visit, zoo, stage, value):
    page = visit(zoo, None, tampered(stage, value), shown, text=SENTENCE, place=PLACE, layer=LAYER)
    expect(page.locator(".ffn .check")).to_have_class("check wrong")


def test_a_link_restores_the_pinned_cell_of_the_decoder_on_a_phone_without_sideways_scroll(
    visit, zoo, zoo_trace
):
    cell = {"query": 2, "stage": "norm_out", "feature": 5}
    page = visit(zoo, PHONE, until=shown, text=SENTENCE, place="decoder.ffn", layer=3, **cell)
    expect(page.locator(".ffn .title")).to_have_text("Decoder feed-forward, layer 3")
    expect(page.locator(".ffn .formula b").first).to_have_text("norm_out[2, 5]")
    value = values_of(zoo_trace, "norm_out", 3, "decoder.ffn")[1, 4]
    expect(page.locator(".ffn .formula .result")).to_have_text(number_text(value))
    tabs = page.locator(".ffn .stage-tabs .tab")
    expect(tabs).to_have_count(9)
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.locator(".ffn .board canvas").first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390


@pytest.mark.parametrize(("model", "n_tokens"), [("one", 1), ("one", 64), ("wide", 60)])
def test_any_model_and_length_draws_every_stage_with_the_traces_numbers(
    visit, zoo, zoo_glass, model, n_tokens
):
    glass = zoo_glass(model)
    text = checkpoints.text_of(glass, n_tokens) if n_tokens > 1 else "a"
    page = visit(
        zoo, until=shown, text=text, model=model, place=PLACE, layer=1, query=999, stage="ffn_out", feature=1
    )
    expect(page.locator(".ffn .check")).to_have_class("check right")
    expect(page.locator(".ffn .layer-buttons button")).to_have_count(glass.config.n_layers)
    trace = glass.trace(text, glass.translate(text))
    value = values_of(trace, "ffn_out", 1)
    expect(page.locator(".ffn .formula b").first).to_have_text(f"ffn_out[{len(value)}, 1]")
    expect(page.locator(".ffn .formula .result")).to_have_text(number_text(value[-1, 0]))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("said", "title", "missing"),
    [({"stage": "ffn_out", "query": 3}, r"ffn_out\[3, \d+\]", "feature"),
     ({"stage": "gamma", "query": 3}, r"gamma\[\d+\]|γ\[\d+\]", "feature"),
     ({"stage": "mean", "query": 3}, r"mean\[3\]", "feature"),
     ({"stage": "ffn_out", "feature": 5}, r"ffn_out\[\d+, 5\]", "query"),
     ({"query": 2}, r"ffn_hidden\[2, \d+\]", "feature")],
)  # fmt: skip
def test_half_a_pin_is_completed_with_a_notice(visit, zoo, said, title, missing):
    page = visit(zoo, until=shown, text=SENTENCE, place=PLACE, layer=1, **said)
    expect(page.locator(".ffn .formula b").first).to_have_text(re.compile(f"^({title})$"))
    expect(page.locator(".st-key-notices")).to_contain_text(f"does not say its {missing}.")


# Runs the modules of the served instrument on one layer's numbers: the errors, and what stands in which row.
RECOMPUTE = """
async ([stages, numbers, matrices, eps, gamma, beta]) => {
  const paths = ["ffn/maths.js", "ffn/layout.js", "shared/maths.js"];
  const load = (path) => import(new URL(`instruments/${path}`, document.baseURI).href);
  const [maths, layout, shared] = await Promise.all(paths.map(load));
  const flat = ({ values, shape: [rows, columns] }) => ({ values: Float32Array.from(values), rows, columns });
  const parts = {};
  for (const name in matrices) parts[name] = { values: Float32Array.from(matrices[name].values) };
  const errors = {};
  for (const stage of stages.filter(({ of }) => of.length)) {
    const given = { eps, gamma, beta, matrices: parts };
    const made = maths.recompute(stage, (n) => flat(numbers[stage.of[n]]), given);
    errors[stage.name] = shared.largestError(made, flat(numbers[stage.name]).values);
  }
  const rows = layout.twoRows(layout.sequence(stages));
  return { errors, rows: rows.map((row) => row.map(({ op, name }) => `${op}${name}`)) };
}
"""
SUM = [STAGES[0], "+ffn_out"]
ROWS = {
    "post": [
        STAGES[0],
        "→ffn_pre",
        "→ffn_hidden",
        *SUM,
        "=norm_in",
        "mean",
        "std",
        "→norm_out",
        "=resid_out",
    ],
    "pre": ["norm_in", "mean", "std", "→norm_out", "→ffn_pre", "→ffn_hidden", *SUM, "=resid_out"],
}


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_post_and_pre_norm_are_recomputed_and_drawn_in_their_own_order(page, tmp_path, norm):
    glass = load(checkpoints.make(tmp_path, norm, 1, 2, norm=norm))
    trace = glass.trace(SENTENCE, [5, 6])
    stages = unpack(first("ffn", (glass, trace, None), PLACE))[0]["stages"]
    header, arrays = unpack(exact(glass, trace, PLACE, 0))
    arrays |= {stage: arrays[of] for stage, of in header["same"].items()}
    parts = unpack(matrices(glass, PLACE, 0))[1]
    given = [arrays.pop(name).ravel().tolist() for name in ("gamma", "beta")]
    told = [
        {name: {"values": a.ravel().tolist(), "shape": a.shape} for name, a in each.items()}
        for each in (arrays, parts)
    ]
    made = page.evaluate(RECOMPUTE, json.loads(json.dumps([stages, *told, header["eps"], *given])))
    assert set(made["errors"]) == set(STAGES[1:]) and max(made["errors"].values()) <= 1e-5
    assert len(made["rows"]) == 2 and sum(made["rows"], []) == ROWS[norm]


# The Add & Norm of an attention


@pytest.fixture(scope="module")
def norm_shared(visit_once, zoo):
    asked = []
    options = {
        "permissions": ["clipboard-read", "clipboard-write"],
        "viewport": {"width": 1280, "height": 720},
    }

    def before(page):
        asked.append(requests_of(page, "ffn/matrices"))

    page = visit_once(zoo, options, before, shown, text=SENTENCE, place=NORM, layer=LAYER)
    return page, *asked


@pytest.fixture
def norm_page(norm_shared):
    yield norm_shared[0]
    norm_shared[0].keyboard.press("Escape")


def expected_title(place, layer):
    return f"{TITLES[place]}, layer {layer}"


def copied(page):
    """What the snippet of the strip prints."""
    page.locator(".ffn .strip .copy").click()
    expect(page.locator(".ffn .strip .copy")).to_have_text("Copied")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(page.evaluate("navigator.clipboard.readText()"), {})
    return float(out.getvalue())


def test_an_add_and_norm_is_recomputed_without_any_matrix_and_has_no_hidden_layer(norm_shared):
    page, asked = norm_shared
    expect(page.locator(".ffn .title")).to_have_text(expected_title(NORM, LAYER))
    badge = page.locator(".ffn .check")
    expect(badge).to_have_class("check right")
    for stage in ("norm_in", "mean", "std", "norm_out", "resid_after_cross_attn"):
        assert stage in badge.get_attribute("title")
    expect(page.locator(".ffn .units")).to_be_hidden()
    assert asked == []


@pytest.mark.parametrize("stage", NORM_STAGES)
def test_a_cell_of_an_add_and_norm_says_the_traces_number(norm_page, zoo_trace, stage):
    values = values_of(zoo_trace, stage, LAYER, NORM)
    said = point(norm_page, stage, *[(1 + 7 * dx, row) for dx in range(6) for row in range(len(values))])
    assert {cell_of(each["title"])[1] for each in said} == set(range(len(values)))
    for each in said:
        name, row, column = cell_of(each["title"])
        assert (name, each["result"]) == (stage, number_text(values[row, column]))
        assert f"row {row + 1}: {zoo_trace.sides['tgt'].tokens[row]}" in each["note"]
        assert each["sent"] == 0
    _, row, column = cell_of(norm_page.locator(".ffn .formula b").first.inner_text())
    assert copied(norm_page) == pytest.approx(float(values[row, column]), abs=1e-5)


@pytest.mark.parametrize("name", ["gamma", "beta"])
def test_the_strips_below_norm_out_are_gamma_and_beta(norm_page, zoo_glass, name):
    norm = zoo_glass("en-de").model.decoder[LAYER - 1].cross_attn_add.norm
    point(norm_page, "norm_out", (1, 0))
    board = norm_page.locator(".ffn .board")
    board.focus()
    for _ in range(["gamma", "beta"].index(name) + 1):
        board.press(".")
    board.press("ArrowRight")
    value = float(getattr(norm, name).detach()[1])
    expect(norm_page.locator(".ffn .formula b").first).to_have_text(f"{name}[2]")
    expect(norm_page.locator(".ffn .formula .result")).to_have_text(number_text(value))
    assert copied(norm_page) == pytest.approx(value, abs=1e-6)
    board.focus()
    board.press("Enter")
    assert {"place": NORM, "stage": name, "feature": "2"}.items() <= link(norm_page).items()


def test_the_caption_says_how_much_the_attention_adds(norm_page, zoo_trace):
    stream, out = (values_of(zoo_trace, stage, LAYER, NORM) for stage in NORM_STAGES[:2])
    ratios = np.linalg.norm(out, axis=1) / np.linalg.norm(stream, axis=1)
    said = f"between {ratios.min():.2f} and {ratios.max():.2f} times as long as the stream"
    expect(norm_page.locator(".ffn .site-caption")).to_contain_text(said)


@pytest.mark.parametrize("stage", ["out", "norm_out"])
def test_the_legend_says_where_the_colours_end(norm_page, zoo_trace, stage):
    sizes = np.abs(values_of(zoo_trace, stage, LAYER, NORM)).ravel()
    title = norm_page.locator(f".ffn .stage-name[data-stage={stage}]").get_attribute("title")
    limit = float(re.search(r"colours ±([\d.e-]+)", title).group(1))
    assert (sizes > limit).mean() < 0.02 and limit <= 1.11 * np.quantile(sizes, 0.99)
    assert f"the largest number is {number_text(sizes.max())}" in title


def test_every_add_and_norm_opens_from_the_map(norm_shared, zoo_trace):
    page, _ = norm_shared
    for place in (*ADD_NORMS[:2], NORM):
        page.locator(f".map [data-block='{place}']").click()
        expect(page.locator(".ffn .title")).to_have_text(expected_title(place, LAYER))
        expect(page.locator(".ffn .check")).to_have_class("check right")
        expect(page.locator(".map [aria-current=true]")).to_have_count(1)
        expect(page.locator(f".map [data-block='{place}']")).to_have_attribute("aria-current", "true")
        assert link(page)["place"] == place
        shown(page)
        (said,) = point(page, "norm_out", (1, 1))
        _, row, column = cell_of(said["title"])
        assert said["result"] == number_text(values_of(zoo_trace, "norm_out", LAYER, place)[row, column])


def test_a_link_restores_the_pinned_cell_of_an_add_and_norm_on_a_phone(visit, zoo, zoo_trace):
    cell = {"query": 2, "stage": "out", "feature": 4}
    page = visit(zoo, PHONE, until=shown, text=SENTENCE, place="encoder.self_attn_norm", layer=1, **cell)
    expect(page.locator(".ffn .formula b").first).to_have_text("out[2, 4]")
    value = values_of(zoo_trace, "out", 1, "encoder.self_attn_norm")[1, 3]
    expect(page.locator(".ffn .formula .result")).to_have_text(number_text(value))
    tabs = page.locator(".ffn .stage-tabs .tab")
    expect(tabs).to_have_count(7)
    for tab in tabs.all():
        tab.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    crumb = page.locator(".map .crumb")
    expect(crumb).to_have_text("Map › encoder › layer 1 › self-attention › Add & Norm")


def test_a_number_beyond_the_rows_moves_to_the_last_with_one_notice(visit, zoo, zoo_trace):
    cell = {"query": 999, "stage": "norm_out", "feature": 999}
    page = visit(zoo, until=shown, text=SENTENCE, place="encoder.self_attn_norm", layer=1, **cell)
    rows, columns = values_of(zoo_trace, "norm_out", 1, "encoder.self_attn_norm").shape
    expect(page.locator(".ffn .formula b").first).to_have_text(f"norm_out[{rows}, {columns}]")
    notice = page.locator(".st-key-notices")
    expect(notice).to_contain_text(f"query 999; here they run from 1 to {rows}")
    expect(notice).to_contain_text(f"feature 999; here they run from 1 to {columns}")


NORM_ROWS = {
    "post": ["resid_in", "+out", "=norm_in", "mean", "std", "→norm_out", "=resid_after_self_attn"],
    "pre": ["norm_in", "mean", "std", "→norm_out", "resid_in", "+out", "=resid_after_self_attn"],
}


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_an_add_and_norm_is_recomputed_and_drawn_in_its_own_order(page, tmp_path, norm):
    place = ADD_NORMS[0]
    glass = load(checkpoints.make(tmp_path, norm, 1, 2, norm=norm))
    trace = glass.trace(SENTENCE, [5, 6])
    stages = unpack(first("ffn", (glass, trace, None), place))[0]["stages"]
    header, arrays = unpack(exact(glass, trace, place, 0))
    arrays |= {stage: arrays[of] for stage, of in header["same"].items()}
    parts = [arrays.pop(name).ravel().tolist() for name in ("gamma", "beta")]
    told = {name: {"values": a.ravel().tolist(), "shape": a.shape} for name, a in arrays.items()}
    made = page.evaluate(RECOMPUTE, json.loads(json.dumps([stages, told, {}, header["eps"], *parts])))
    assert max(made["errors"].values()) <= 1e-5
    assert set(made["errors"]) == {"norm_in", "mean", "std", "norm_out", "resid_after_self_attn"}
    assert sum(made["rows"], []) == NORM_ROWS[norm]
