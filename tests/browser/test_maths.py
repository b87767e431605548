"""The instruments' pure modules (maths.js, layout.js, numbers.js) in Chromium, against NumPy."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from tests.browser.conftest import PATIENCE_MS

ROWS, COLUMNS, N = 5, 9, 6

# Calls a module's function. Numbers that JSON lacks travel as {"float": "NaN"}; lists of numbers as arrays.
CALL = """
async ([module, name, args, kind]) => {
  const functions = await import(`/instruments/shared/${module}.js`);
  const special = { NaN, Infinity, "-Infinity": -Infinity };
  const inwards = (value) => {
    if (Array.isArray(value)) {
      const items = value.map(inwards);
      const isNumeric = items.every((item) => typeof item === "number");
      return isNumeric && kind !== "Array" ? new globalThis[kind](items) : items;
    }
    if (value === null || typeof value !== "object") return value;
    if ("float" in value) return special[value.float];
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inwards(inner)]));
  };
  const outwards = (value) => {
    if (typeof value === "number" && !Number.isFinite(value)) return { float: String(value) };
    if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, outwards);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, outwards(inner)]));
  };
  return outwards(functions[name](...args.map(inwards)));
}
"""
# Every cell's middle and corners, and what cellAt makes of them; and points around the panels.
INVERT = """
async ([layout, sizes]) => {
  const { cellAt } = await import("/instruments/shared/layout.js");
  const wrong = [];
  for (const [stage, panel] of Object.entries(layout.panels)) {
    const [rows, columns] = sizes[stage];
    const check = (row, column, dx, dy) => {
      const x = panel.x + (column + dx) * panel.cellWidth, y = panel.y + (row + dy) * panel.cellHeight;
      const cell = cellAt(layout, x, y);
      const found = [cell?.stage, cell?.row, cell?.column];
      if (String(found) !== String([stage, row, column])) wrong.push([stage, row, column, found]);
    };
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (const [dx, dy] of [[0.5, 0.5], [0.01, 0.01], [0.99, 0.99]]) check(row, column, dx, dy);
      }
    }
    const middle = panel.x + panel.width / 2;
    const outside = [[middle, panel.y - 1], [middle, panel.y + panel.height + 1]];
    for (const [x, y] of outside) {
      if (cellAt(layout, x, y)?.stage === stage) wrong.push([stage, "outside", x, y]);
    }
  }
  return wrong;
}
"""


def outward(value):
    """As JSON, with the numbers that JSON lacks spelt out."""
    if isinstance(value, np.ndarray):
        return outward(value.tolist())
    if isinstance(value, list | tuple):
        return [outward(item) for item in value]
    if isinstance(value, dict):
        return {key: outward(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    return value.item() if isinstance(value, np.generic) else value


def inward(value):
    if isinstance(value, list):
        return [inward(item) for item in value]
    if isinstance(value, dict):
        return float(value["float"]) if "float" in value else {k: inward(v) for k, v in value.items()}
    return value


@pytest.fixture(scope="module")
def js(contexts, app):
    """`js(module, function, *arguments)` in a bare page of the server; `kind` is the type of arrays."""
    page = contexts(viewport={"width": 800, "height": 600}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{app}/readyz")

    def call(module, name, *arguments, kind="Float32Array"):
        return inward(page.evaluate(CALL, [module, name, outward(list(arguments)), kind]))

    call.page = page
    yield call
    page.close()


@pytest.fixture(scope="module")
def maths(js):
    return lambda name, *arguments, **options: js("maths", name, *arguments, **options)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def random(rng, *shape, size=1.0):
    """Normal numbers that float32 holds exactly."""
    return (size * rng.standard_normal(shape)).astype(np.float32).astype(float)


def softmax(x, temperature=1.0):
    e = np.exp((x - x.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def weights_of(rng, rows=ROWS, columns=COLUMNS, size=2.0):
    return softmax(random(rng, rows, columns, size=size)).astype(np.float32).astype(float)


def close(actual, expected, atol=1e-12):
    return np.allclose(np.asarray(actual, float), np.ravel(expected), rtol=1e-12, atol=atol)


def bits(p):
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


# maths.js: stages


def test_scores_are_q_times_k_transposed(maths, rng):
    q, k = random(rng, ROWS, N), random(rng, COLUMNS, N)
    assert close(maths("scores", q.ravel(), k.ravel(), ROWS, COLUMNS, N), q @ k.T)


def test_dot_starts_where_it_is_told(maths, rng):
    a, b = random(rng, 10), random(rng, 10)
    assert maths("dot", a, 2, b, 5, 4) == pytest.approx(a[2:6] @ b[5:9])


def test_scaling_divides(maths, rng):
    x = random(rng, ROWS * COLUMNS)
    assert close(maths("scale", x, math.sqrt(32)), x / math.sqrt(32))


def test_the_mask_puts_minus_infinity_where_nothing_is_kept_and_changes_nothing_else(maths, rng):
    x, keep = random(rng, 40), rng.random(40) < 0.5
    assert maths("mask", x, keep.astype(float)) == np.where(keep, x, -np.inf).tolist()


def test_adding_a_bias_adds(maths, rng):
    a, b = random(rng, 40), random(rng, 40)
    assert close(maths("add", a, b), a + b)


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1, 4])
@pytest.mark.parametrize("size", [0.01, 1, 30])
def test_softmax_goes_along_rows_after_division_by_the_temperature(maths, rng, size, temperature):
    x = random(rng, ROWS, COLUMNS, size=size)
    assert close(maths("softmaxRows", x.ravel(), ROWS, COLUMNS, temperature), softmax(x, temperature))


def test_softmax_without_a_temperature_is_plain(maths, rng):
    x = random(rng, ROWS, COLUMNS)
    assert close(maths("softmaxRows", x.ravel(), ROWS, COLUMNS), softmax(x))


@pytest.mark.parametrize("sign", [1, -1])
def test_softmax_of_huge_scores_neither_overflows_nor_vanishes(maths, sign):
    x = sign * np.array([[1e4, 1e4 + 1, 9e3], [1e4, 1e4, 1e4]])
    assert close(maths("softmaxRows", x.ravel(), 2, 3, kind="Float64Array"), softmax(x))


def test_a_row_that_may_see_no_key_gets_weights_zero(maths):
    x = np.array([[-np.inf] * 3, [0.0, -np.inf, 0.0]])
    assert maths("softmaxRows", x.ravel(), 2, 3) == [0, 0, 0, 0.5, 0, 0.5]


def test_a_masked_key_gets_exactly_zero(maths, rng):
    x = random(rng, ROWS, COLUMNS)
    x[:, 2] = -np.inf
    weights = np.reshape(maths("softmaxRows", x.ravel(), ROWS, COLUMNS), (ROWS, COLUMNS))
    assert (weights[:, 2] == 0).all() and close(weights.sum(-1), np.ones(ROWS))


def test_z_is_weights_times_v(maths, rng):
    w, v = weights_of(rng), random(rng, COLUMNS, N)
    assert close(maths("mix", w.ravel(), v.ravel(), ROWS, COLUMNS, N), w @ v)


def test_projecting_multiplies_by_the_transposed_weights_and_adds_the_bias(maths, rng):
    x, W, b = random(rng, ROWS, 7), random(rng, N, 7), random(rng, N)
    assert close(maths("project", x.ravel(), W.ravel(), b, ROWS, 7, N), x @ W.T + b)


@pytest.mark.parametrize("heads", [1, 3, 4])
def test_concatenating_puts_heads_side_by_side(maths, rng, heads):
    z = random(rng, heads, ROWS, N)
    assert close(maths("concat", z.ravel(), heads, ROWS, N), z.transpose(1, 0, 2).reshape(ROWS, -1))


# maths.js: the self-check


def test_the_error_is_relative_above_one_and_absolute_below(maths, rng):
    a, b = random(rng, 50, size=20), random(rng, 50, size=20)
    expected = np.max(np.abs(a - b) / np.maximum(1, np.abs(b)))
    assert maths("largestError", a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([-math.inf, 1.0], [-math.inf, 1.0], 0),
        ([math.nan], [1.0], math.inf),
        ([1.0], [math.nan], math.inf),
        ([math.nan], [math.nan], math.inf),
        ([math.nan, 1.0], [1.0, 1.5], math.inf),
        ([1.0, math.nan], [1.5, 1.0], math.inf),
        ([-math.inf], [0.0], math.inf),
        ([0.0], [-math.inf], math.inf),
        ([math.inf], [-math.inf], math.inf),
        ([1.0], [1.0, 2.0], math.inf),
        ([], [], 0),
    ],
)
def test_nan_and_unequal_infinities_count_as_wrong_equal_ones_as_right(maths, a, b, error):
    assert maths("largestError", a, b) == error


# maths.js: what a head does


@pytest.mark.parametrize("size", [0, 1, 5])
def test_entropy_is_in_bits(maths, rng, size):
    w = weights_of(rng, size=size)
    for i in range(ROWS):
        assert maths("entropy", w.ravel(), i * COLUMNS, COLUMNS) == pytest.approx(bits(w[i]), abs=1e-12)


def test_the_largest_weight_of_a_row_is_of_that_row(maths, rng):
    w = weights_of(rng)
    assert [maths("rowMax", w.ravel(), i * COLUMNS, COLUMNS) for i in range(ROWS)] == w.max(-1).tolist()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 0.95, 1])
def test_the_heaviest_cells_reach_the_share_and_not_one_fewer_does(maths, rng, share):
    w = weights_of(rng).ravel()
    chosen = maths("heaviest", w, share)
    mass = np.cumsum(w[chosen])
    assert mass[-1] >= share * w.sum() - 1e-9
    assert len(chosen) == 1 or mass[-2] < share * w.sum()
    assert sorted(w[chosen], reverse=True) == w[chosen].tolist()
    assert w[chosen].min() >= max(np.delete(w, chosen), default=0)


def test_a_cell_of_weight_zero_is_never_among_the_heaviest(maths):
    assert maths("heaviest", np.array([0, 0.5, 0, 0.5]), 1) == [1, 3]


# dom.js

# Whether the default goes on after a handler gave `value`: set by `el`, by `listen`, as an on… property.
AFTER = """
async (value) => {
  const { el, listen } = await import("/instruments/shared/dom.js");
  const nodes = [el("input", { onkeydown: () => value }), el("input"), el("input")];
  listen(nodes[1], { keydown: () => value });
  nodes[2].onkeydown = () => value;
  const key = () => new KeyboardEvent("keydown", { key: "Tab", cancelable: true });
  return nodes.map((node) => node.dispatchEvent(key()));
}
"""


@pytest.mark.parametrize("value", [False, True, None, 0])
def test_what_a_handler_gives_back_prevents_nothing(js, value):
    assert js.page.evaluate(AFTER, value) == [True, True, value is not False]


# layout.js

SHAPES = [(1, 1), (5, 9), (9, 5), (20, 20), (64, 80), (80, 64), (1, 64), (64, 1)]
LABEL = 120


def stages_of(rows, columns, n_heads, d_head=32, biased=False):
    """The stages of a site with `rows` queries and `columns` keys."""
    d_model = n_heads * d_head
    wide = {"columns": "d_model"}
    head, matrix = {"columns": "d_head"}, {"columns": "key"}
    keys, queries = {"band": "keys"}, {"band": "queries"}
    middle = ["scores", "scaled", *(["biased"] if biased else []), "masked", "weights"]
    return [
        {"name": "x_kv", "shape": [columns, d_model]} | wide | keys,
        {"name": "k", "shape": [columns, d_head]} | head | keys,
        {"name": "v", "shape": [columns, d_head]} | head | keys,
        {"name": "x_q", "shape": [rows, d_model]} | wide | queries,
        {"name": "q", "shape": [rows, d_head]} | head | queries,
        *[{"name": name, "shape": [rows, columns]} | matrix | queries for name in middle],
        {"name": "z", "shape": [rows, d_head]} | head | queries,
        {"name": "concat", "shape": [rows, d_model]} | wide | queries,
        {"name": "out", "shape": [rows, d_model]} | wide | queries,
    ]


def wide(js, stages, width, height=640):
    room = {"width": width, "height": height, "label": LABEL}
    return js("layout", "wideLayout", stages, room, kind="Array")


def assert_apart(panels):
    boxes = list(panels.items())
    for n, (a, one) in enumerate(boxes):
        for b, two in boxes[n + 1 :]:
            beside = one["x"] + one["width"] <= two["x"] or two["x"] + two["width"] <= one["x"]
            above = one["y"] + one["height"] <= two["headerY"] or two["y"] + two["height"] <= one["headerY"]
            assert beside or above, (a, b)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("n_heads", [1, 4, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_panels_never_overlap_and_stay_inside_the_width(js, shape, n_heads, biased):
    stages = stages_of(*shape, n_heads, biased=biased)
    for width in (1000, 1280, 1500, 1900):
        layout = wide(js, stages, width)
        assert set(layout["panels"]) == {stage["name"] for stage in stages}
        assert_apart(layout["panels"])
        assert layout["width"] <= width
        for panel in layout["panels"].values():
            assert panel["x"] >= LABEL and panel["headerY"] >= 0
            assert panel["x"] + panel["width"] <= width + 1e-9
            assert panel["y"] + panel["height"] <= layout["height"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_panel_has_one_cell_for_each_number(js, shape):
    stages = stages_of(*shape, 4)
    panels = wide(js, stages, 1280)["panels"]
    for stage in stages:
        rows, columns = stage["shape"]
        panel = panels[stage["name"]]
        assert panel["width"] == pytest.approx(columns * panel["cellWidth"])
        assert panel["height"] == pytest.approx(rows * panel["cellHeight"])


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_one_side_have_the_same_height_in_every_stage(js, shape):
    panels = wide(js, stages_of(*shape, 4), 1280)["panels"].values()
    assert len({round(panel["cellHeight"], 6) for panel in panels}) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cell_under_a_point_is_the_one_that_was_placed_there(js, shape):
    stages = stages_of(*shape, 4)
    layout = wide(js, stages, 1280)
    sizes = {stage["name"]: stage["shape"] for stage in stages}
    assert js.page.evaluate(INVERT, [layout, sizes]) == []


@pytest.mark.parametrize("point", [(-1, -1), (5, 5), (1e5, 1e5), (LABEL - 1, 100)])
def test_no_cell_lies_beside_the_panels(js, point):
    assert js("layout", "cellAt", wide(js, stages_of(5, 9, 4), 1280), *point) is None


@pytest.mark.parametrize("width", [280, 390])
@pytest.mark.parametrize("shape", SHAPES)
def test_on_a_narrow_screen_any_one_stage_fits_into_the_width(js, shape, width):
    for stage in stages_of(*shape, 4):
        room = {"width": width, "height": 500, "label": 80}
        layout = js("layout", "narrowLayout", stage, room, kind="Array")
        (panel,) = layout["panels"].values()
        assert panel["x"] + panel["width"] <= width, stage["name"]
        assert js.page.evaluate(INVERT, [layout, {stage["name"]: stage["shape"]}]) == []


# numbers.js


def floats(rng):
    """Float32 numbers of every size, and special ones."""
    raw = rng.integers(0, 2**32, 300, dtype=np.uint32).view(np.float32)
    usual = (rng.standard_normal(100) * 10.0 ** rng.integers(-6, 6, 100)).astype(np.float32)
    return [*raw[np.isfinite(raw)], *usual, *np.array([0, 1, -1, 0.1, 1 / 3, 16777217, 1e-45], np.float32)]


def test_the_text_in_a_snippet_gives_back_the_same_float32(js, rng):
    for number in floats(rng):
        text = js("numbers", "exactText", float(number))
        assert np.float32(float(text)) == number, text


def test_a_snippets_text_is_short_where_the_number_is(js):
    assert [js("numbers", "exactText", n) for n in (0, 0.5, -2, 100)] == ["0", "0.5", "-2", "100"]
    assert js("numbers", "exactText", float(np.float32(0.1))) == "0.1"


def test_a_snippet_can_say_nan_and_infinity(js):
    texts = [js("numbers", "exactText", number) for number in (math.nan, math.inf, -math.inf)]
    assert texts == ["np.nan", "np.inf", "-np.inf"]
    code = f"import numpy as np; print([{', '.join(texts)}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[nan,", "inf,", "-inf]"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (1, "1.000"), (-0.12345, "−0.1235"), (123.456, "123.5"), (99999, "99999"[:0] + "1.000e+5"),
        (123456, "1.23e+5"), (0.00001234, "1.23e-5"), (-0.00001234, "−1.23e-5"),
        (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "NaN"),
    ],
)  # fmt: skip
def test_a_number_has_four_significant_digits(js, number, text):
    assert js("numbers", "numberText", number) == text


@pytest.mark.parametrize(("weight", "text"), [(0, "0.0000"), (1, "1.0000"), (0.12346, "0.1235")])
def test_a_weight_has_four_decimals(js, weight, text):
    assert js("numbers", "weightText", weight) == text


@pytest.mark.parametrize(
    ("token", "most", "text"),
    [
        ("station", 7, "station"),
        ("stations", 7, "statio…"),
        ("", 3, ""),
        ("🏃🏽🏃🏽🏃🏽", 4, "🏃🏽🏃…"),
        ("مرحبا", 3, "مر…"),
        ("<b>bold</b>", 4, "<b>…"),
    ],
)
def test_a_long_token_is_cut_between_characters(js, token, most, text):
    assert js("numbers", "shortened", token, most) == text
