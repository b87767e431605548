"""Every canvas shows the trace: its numbers, in their order, with their labels and colours."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from model import Glass, Trace, Translation
from tests.browser.conftest import PATIENCE_MS
from tests.helpers.checkpoints import text_of
from tests.helpers.head import SENTENCE, STAGES, number_text, open_view, stage_values
from tests.helpers.painted import assert_bars, assert_colours, marks, painted
from tests.helpers.places import FINAL_NORMS, PLACES, TITLES, head_title, title_of
from tests.helpers.screen import colours_of, root
from tests.helpers.stand import message_of, mount
from viz.labels import query_labels

BYTE = 0.5001 / 255
"""Half a step of a thumbnail, as a share of its scale."""
CLOSE = 1e-5
"""The page's server and this process may add in another order."""


@dataclass(frozen=True)
class Shown:
    """A page, what it shows, and the layers and heads (from 1) to visit."""

    page: Page
    glass: Glass
    trace: Trace
    translation: Translation
    mode: str
    heads: tuple[tuple[int, int], ...]

    def mount(self, name: str, **link: object) -> None:
        """The instrument of that name."""
        message = message_of(name, self.glass, self.trace, self.translation, link["place"])
        mount(self.page, name, message, self.mode, **link)


CASES = {
    "en-de": ("light", ((1, 1), (2, 3), (3, 4))),
    "one": ("light", ((1, 1),)),
    "wide": ("dark", ((5, 7),)),
    "pre": ("light", ((2, 2),)),
}


@pytest.fixture(scope="module")
def shown(contexts, zoo, zoo_glass):
    """`shown(model)`: what that model makes of a text, on a page that the tests share."""
    page = contexts(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(f"{zoo}/readyz")

    @cache
    def get(model):
        glass = zoo_glass(model)
        text = {"en-de": SENTENCE, "one": "a"}.get(model) or text_of(glass, 15)
        translation = glass.translate(text)
        return Shown(page, glass, glass.trace(text, translation), translation, *CASES[model])

    yield get
    page.close()
    assert not wrong, "\n".join(wrong)


def assert_close(values, expected, share=CLOSE):
    expected = np.asarray(expected, float)
    finite = np.isfinite(expected)
    assert values.shape == expected.shape
    assert np.array_equal(values[~finite], expected[~finite])
    most = np.abs(expected[finite]).max(initial=1)
    assert np.abs(values[finite] - expected[finite]).max(initial=0) <= share * most


def shortened(token, most):
    return token if len(token) <= most else token[: most - 1] + "…"


def largest(values):
    return np.abs(values[np.isfinite(values)]).max(initial=0) or 1


# Attention


def assert_thumbnails(shown, place):
    pictures = painted(shown.page, ".attention .grid canvas")
    config = shown.trace.config
    weights = [
        [stage_values(shown.trace, "weights", place, layer, head) for head in heads_of(config)]
        for layer in layers_of(config)
    ]
    order = [(layer, head) for layer in layers_of(config) for head in (*heads_of(config), "mean")]
    assert len(pictures) == len(order)
    for picture, (layer, head) in zip(pictures, order, strict=True):
        if head == "mean":
            assert picture.label == f"layer {layer}, mean of its heads"
            expected = np.mean(weights[layer - 1], 0)
        else:
            assert (picture.data["layer"], picture.data["head"]) == (str(layer), str(head))
            expected = weights[layer - 1][head - 1]
        assert_close(picture.values, expected, BYTE)
        assert_colours(picture, shown.mode)


def layers_of(config):
    return range(1, config.n_layers + 1)


def heads_of(config):
    return range(1, config.n_heads + 1)


def assert_matrix(shown, place, layer, head):
    (picture,) = painted(shown.page, ".attention .matrix canvas")
    stack, site = place.split(".")
    entry = shown.trace[f"{stack}.{layer - 1}.{site}.weights"]
    expected = entry.value[head - 1]
    assert_close(picture.values, expected)
    rows, columns = expected.shape
    later = [i * columns + j for i in range(rows) for j in range(columns) if j > i]
    assert picture.hidden == (later if place == "decoder.self_attn" else [])
    assert_colours(picture, shown.mode)
    assert picture.labels() == [shortened(label, 36) for label in query_labels(shown.trace, entry)]
    keys = sorted((text for text in picture.written if text["align"] != "right"), key=lambda text: text["x"])
    assert [text["text"] for text in keys] == [shortened(token, 18) for token in entry.labels["key"]]
    middles = picture.x + (np.arange(columns) + 0.5) * picture.cell[0]
    assert np.abs([text["x"] for text in keys] - middles).max() < picture.cell[0] / 2


def assert_inside(shown, place, layer, head):
    pictures = {picture.stage: picture for picture in painted(shown.page, ".attention .board canvas")}
    assert set(pictures) == set(STAGES)
    d_head = pictures["z"].values.shape[1]
    for stage, picture in pictures.items():
        expected = stage_values(shown.trace, stage, place, layer, head)
        assert_close(picture.values, expected)
        scale = ("weight", 1) if stage == "weights" else ("signed", largest(picture.values))
        assert (picture.scale, picture.limit) == scale, stage
        masked = np.flatnonzero(np.isneginf(expected)) if stage == "masked" else []
        assert picture.hidden == list(masked), stage
        # The lines between heads cover the cells beside them.
        beside = np.isin(np.arange(expected.shape[1]) % d_head, (0, d_head - 1))
        assert_colours(picture, shown.mode, beside if stage == "concat" else False)
    labels = shown.trace[f"{place.replace('.', f'.{layer - 1}.')}.weights"].labels
    for stage, axis in (("x_q", "query"), ("x_kv", "key")):
        assert pictures[stage].labels() == [shortened(token, 13) for token in labels[axis]], stage


def assert_lines(shown, place, layer):
    """From each query's name to each key's, as wide as the weight."""
    (lines,) = marks(shown.page, ".lines-figure svg")
    assert lines
    texts = shown.page.locator(".line-token").evaluate_all(
        "(all) => all.map((text) => [text.getAttribute('text-anchor'), Number(text.getAttribute('y'))])"
    )
    queries, keys = ([y for anchor, y in texts if anchor == side] for side in ("end", "start"))
    for line in lines:
        *cell, weight = line["values"]
        head, query, key = map(int, cell)
        weights = stage_values(shown.trace, "weights", place, layer, head + 1)
        assert weight == pytest.approx(weights[query, key], abs=CLOSE)
        start, end = (float(line["attributes"]["d"].split()[at]) for at in (2, -1))
        assert (start, end) == (queries[query], keys[key])
        assert float(line["attributes"]["stroke-width"]) == pytest.approx(0.75 + 7 * weight, abs=0.006)


def check_attention(shown, place):
    page = shown.page
    shown.mount("attention", place=place)
    for layer, head in shown.heads:
        page.locator(f".thumb[data-layer='{layer}'][data-head='{head}']").click()
        expect(page.locator(".title")).to_have_text(head_title(place, layer, head))
        expect(page.locator(".attention .check")).to_have_class("check right")
        assert_matrix(shown, place, layer, head)
        open_view(page, "Inside this head")
        assert_inside(shown, place, layer, head)
        open_view(page, "All heads")
    assert_thumbnails(shown, place)
    assert assert_bars(page)
    open_view(page, "Lines")
    assert_lines(shown, place, layer)
    open_view(page, "All heads")


# Feed-forward, Add & Norm


def ffn_values(shown, place, layer, stage):
    stack, block = place.split(".")
    sublayer = block.removesuffix("_norm")
    model, is_final = shown.glass.model, place in FINAL_NORMS
    if stage in ("gamma", "beta"):
        layers = getattr(model, stack)
        norm = (
            getattr(model, f"{stack}_norm")
            if is_final
            else getattr(layers[layer - 1], f"{sublayer}_add").norm
        )
        return getattr(norm, stage).detach().numpy()[None]
    if is_final:
        return shown.trace[f"{place}.{stage}"].value
    inside = f"{sublayer}_norm" if stage in ("norm_in", "mean", "std", "norm_out") else sublayer
    scope = f"{stack}.{layer - 1}" if stage.startswith("resid") else f"{stack}.{layer - 1}.{inside}"
    return shown.trace[f"{scope}.{stage}"].value


def end_of_colours(values):
    """98 of 100 numbers that are not 0 lie within, rounded up to two digits."""
    sizes = np.sort(np.abs(values[values != 0]).astype(float))
    if not len(sizes):
        return 1
    size = sizes[min(len(sizes) - 1, math.floor(0.98 * len(sizes)))]
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return float(f"{math.ceil(size / step - 1e-9) * step:.2g}")


def columns_of_text(written):
    """The texts that stand one below the other, from above, for each place from left to right."""
    columns = {}
    for text in sorted(written, key=lambda text: text["y"]):
        columns.setdefault((round(text["x"]), text["align"]), []).append(text["text"])
    return list(columns.values())


def percent(share):
    """One decimal below 10%; halves are rounded up, as JavaScript does."""
    digits = 1 if share < 0.0995 else 0
    return f"{math.floor(100 * share * 10**digits + 0.5) / 10**digits:.{digits}f}%"


def assert_active(hidden, active, columns):
    """Beside the hidden units: a bar and a text a row, of how many are on."""
    counts = (hidden > 0).sum(-1)
    d_ff = hidden.shape[1]
    assert [(bar.values.item(), bar.limit) for bar in active] == [(count, d_ff) for count in counts]
    assert [f"{count} · {percent(count / d_ff)}" for count in counts] in columns
    assert [bar.y for bar in active] == sorted(bar.y for bar in active)


def assert_block(shown, place, layer, wanted):
    """Every stage of the open block, with μ and σ in numbers; of hidden units how many are on."""
    expect(shown.page.locator(".ffn .check")).to_have_class("check right")
    pictures = painted(shown.page, ".ffn .board canvas")
    active = [picture for picture in pictures if picture.stage == "active"]
    stages = [picture for picture in pictures if picture.stage != "active"]
    assert wanted | {"gamma", "beta"} <= {picture.stage for picture in stages}
    for picture in stages:
        assert_close(picture.values, ffn_values(shown, place, layer, picture.stage))
        assert picture.limit == pytest.approx(end_of_colours(picture.values)), picture.stage
        assert picture.scale == ("positive" if picture.stage == "ffn_hidden" else "signed")
        assert_colours(picture, shown.mode)
    columns = columns_of_text(stages[0].written)
    for stage in ("mean", "std"):
        assert [number_text(value) for value in ffn_values(shown, place, layer, stage)[:, 0]] in columns
    if "ffn_hidden" in wanted:
        assert_active(ffn_values(shown, place, layer, "ffn_hidden"), active, columns)
    tokens = (
        shown.trace.sides["src"].tokens if place.startswith("encoder") else shown.trace.sides["tgt"].tokens
    )
    assert stages[0].labels() == [shortened(token, 13) for token in tokens]


def assert_layers(shown, place, stage):
    """A thumbnail a layer, each of its own layer's numbers."""
    thumbnails = painted(shown.page, ".ffn .layer-buttons canvas")
    numbers = [int(picture.data["layer"]) for picture in thumbnails]
    assert numbers == list(layers_of(shown.trace.config))
    for layer, picture in zip(numbers, thumbnails, strict=True):
        expected = ffn_values(shown, place, layer, stage)
        assert (picture.stage, picture.limit) == (stage, pytest.approx(largest(expected)))
        assert np.abs(picture.values - expected).max() <= 2 * BYTE * picture.limit
        assert_colours(picture, shown.mode)


def check_final_norm(shown, place):
    shown.mount("ffn", place=place)
    expect(shown.page.locator(".ffn .title")).to_have_text(TITLES[place])
    assert_block(shown, place, None, {"norm_in", "norm_out"})


def check_ffn(shown, place):
    page, is_ffn = shown.page, place.endswith("ffn")
    shown.mount("ffn", place=place)
    for layer, _ in shown.heads:
        page.locator(f".layer-buttons [data-layer='{layer}']").click()
        expect(page.locator(".ffn .title")).to_have_text(
            f"{title_of(shown.trace.config, place)}, layer {layer}"
        )
        assert_block(shown, place, layer, {"norm_out", "ffn_hidden" if is_ffn else "out"})
    assert_layers(shown, place, "ffn_hidden" if is_ffn else "norm_out")


# Tokens, positions


def side(page, name):
    page.locator(f".instrument [data-side='{name}']").click()


def check_tokens(shown, place):
    shown.mount("tokens", place=place)
    for name, stack, tokens in (
        ("tgt", "decoder", shown.trace.sides["tgt"].tokens),
        ("src", "encoder", shown.trace.sides["src"].tokens),
    ):
        side(shown.page, name)
        (picture,) = painted(shown.page, ".tokens .panel canvas")
        assert picture.stage == f"{stack}.embed"
        assert_signed(shown, picture, shown.trace[picture.stage].value)
        assert picture.labels() == [shortened(token, 14) for token in tokens]
        shown.page.locator(".tokens .layer-choices [data-depth='1']").click()
        assert_scatter(shown, shown.trace[f"{stack}.0.resid_out"].value)


def assert_scatter(shown, values):
    """Each token where the PCA has it, on one scale for both axes, up to the axes' signs."""
    (dots,) = marks(shown.page, ".scatter svg")
    points = np.array(sorted(dot["values"] for dot in dots))
    assert list(points[:, 0]) == list(range(len(values)))
    U, S, _ = np.linalg.svd(values.astype(float) - values.mean(0), full_matrices=False)
    expected = (U * S)[:, :2] if len(S) > 1 else np.zeros((len(values), 2))
    most = max(1, np.abs(expected).max())
    assert np.abs(np.abs(points[:, 1:]) - np.abs(expected)).max() <= 1e-3 * most
    at = {dot["values"][0]: [float(dot["attributes"][name]) for name in ("cx", "cy")] for dot in dots}
    drawn = np.array([at[i] for i in range(len(values))])
    first, second = drawn - drawn.mean(0), points[:, 1:] - points[:, 1:].mean(0)
    unit = np.abs(first).max() / max(1e-9, np.abs(second).max())
    assert np.allclose(first, unit * second * [1, -1], atol=0.01)


def assert_signed(shown, picture, expected, limit=None):
    assert_close(picture.values, expected)
    assert (picture.scale, picture.limit) == ("signed", pytest.approx(limit or largest(picture.values)))
    assert_colours(picture, shown.mode)


def waves(rows, d_model):
    angles = np.arange(rows)[:, None] / 10_000 ** (np.arange(0, d_model, 2) / d_model)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(rows, d_model)


def assert_curves(page, selector, table):
    """Each line is a column of the table over the rows, drawn to the right and up on one scale."""
    (found,) = marks(page, selector)
    lines = [mark for mark in found if mark["tag"] == "path"]
    assert lines and found[-1]["tag"] == "circle"
    for line in lines:
        points = np.array(line["values"]).reshape(-1, 2)
        whole = points[np.isclose(points[:, 0] % 1, 0)]
        assert list(whole[:, 0]) == list(range(len(table)))
        assert np.abs(table - whole[:, 1:]).max(0).min() <= 1e-4 * np.abs(table).max()
        drawn = np.array([[float(n) for n in at.split()] for at in line["attributes"]["d"][1:].split("L")])
        for axis, sign in ((0, 1), (1, -1)):
            if np.ptp(points[:, axis]) > 0.1:
                slope, start = np.polyfit(points[:, axis], drawn[:, axis], 1)
                assert np.sign(slope) == sign
                assert np.abs(slope * points[:, axis] + start - drawn[:, axis]).max() < 0.2


def assert_hands(shown, table):
    """Every clock's hands point where PE(p) and PE(p + k) do: to the right by the cosine, up by the sine."""
    for clock in marks(shown.page, ".positions .rotation svg"):
        for hand in clock:
            x, y = (
                float(hand["attributes"][f"{axis}2"]) - float(hand["attributes"][f"{axis}1"]) for axis in "xy"
            )
            length = math.hypot(x, y)
            assert (x / length, -y / length) == pytest.approx(tuple(hand["values"]), abs=1e-6)
            pairs = table.reshape(len(table), -1, 2)[..., ::-1]
            assert np.abs(pairs - hand["values"]).max(-1).min() < 1e-4


def check_positions(shown, place):
    page, trace = shown.page, shown.trace
    shown.mount("positions", place=place)
    (picture,) = painted(page, ".positions .heat .panel canvas")
    table = waves(len(picture.values), trace.config.d_model)
    assert_signed(shown, picture, table)
    assert_curves(page, ".positions .heat .plot svg", table)
    open_view(page, "Similarity")
    (picture,) = painted(page, ".positions .similarity .panel canvas")
    assert_signed(shown, picture, table @ table.T)
    assert_curves(page, ".positions .similarity .plot svg", table @ table.T)
    if "Rotation" in page.locator(".positions [role=tab]").all_inner_texts():
        open_view(page, "Rotation")
        assert_hands(shown, table)
    open_view(page, "Sum")
    for name, stack in (("tgt", "decoder"), ("src", "encoder")):
        side(page, name)
        parts = [trace[f"{stack}.{part}"].value for part in ("embed", "pos", "embedded")]
        sizes = np.sort(np.abs(np.concatenate([part.ravel() for part in parts])))
        limit = sizes[math.floor(0.98 * (len(sizes) - 1))]
        pictures = painted(page, ".positions .strips .panel canvas")
        assert [picture.data["part"] for picture in pictures] == ["embed", "pos", "embedded"]
        for picture, part in zip(pictures, parts, strict=True):
            assert picture.stage == f"{stack}.{picture.data['part']}"
            assert_signed(shown, picture, part, limit)
    open_view(page, "Heat-map")


# Output, decoding


def check_output(shown, place):
    page = shown.page
    shown.mount("output", place=place)
    states = shown.trace["decoder.states"].value
    for step in {0, len(shown.trace.predicts) - 1}:
        page.locator(".output .steps button").nth(step).click()
        expect(page.locator(".output .title")).to_contain_text(f"step {step + 1}:")
        (picture,) = painted(page, ".output .panel canvas")
        assert_signed(shown, picture, states[step : step + 1])
        assert assert_bars(page)
    open_view(page, "After each layer")
    assert assert_bars(page)
    open_view(page, "Words")


def assert_ribbons(shown, layer):
    """Of the open step, mean over heads: a ribbon a source token looked at, a cell a token read."""
    page, trace = shown.page, shown.trace
    cross, own = (
        trace[f"decoder.{layer - 1}.{site}.weights"].value.mean(0) for site in ("cross_attn", "self_attn")
    )
    (found,) = marks(page, ".play-ribbons svg")
    ribbons, cells = ([m for m in found if m["stage"] == stage] for stage in ("weights", "self_attn"))
    steps = {int(mark["values"][0]) for mark in found}
    assert len(steps) == 1
    (step,) = steps
    drawn = {int(column): weight for _, column, weight in (mark["values"] for mark in ribbons)}
    assert drawn == pytest.approx({j: w for j, w in enumerate(cross[step]) if w >= 0.02}, abs=CLOSE)
    assert [mark["values"][2] for mark in cells] == pytest.approx(list(own[step, : step + 1]), abs=CLOSE)
    fills = [tuple(map(int, re.findall(r"\d+", mark["attributes"]["fill"]))) for mark in cells]
    assert fills == [tuple(colours_of(mark["values"][2], "weight", 1, shown.mode)) for mark in cells]


def check_decoding(shown, place):
    page, trace = shown.page, shown.trace
    layer = shown.heads[0][0]
    shown.mount("decoding", place=place, layer=layer)
    assert_ribbons(shown, layer)
    open_view(page, "Cache")
    for layer, head in shown.heads:
        page.locator(".cache-part select[aria-label=Layer]").select_option(str(layer))
        page.locator(".cache-part select[aria-label=Head]").select_option(str(head))
        for button, site in (("Masked self-attention", "self_attn"), ("Cross-attention", "cross_attn")):
            page.locator(".cache-part").get_by_role("button", name=button, exact=True).click()
            name = f"{button}, layer {layer}, head {head}: keys and values"
            expect(page.get_by_role("figure", name=name, exact=False)).to_be_visible()
            sent = {
                letter: trace[f"decoder.{layer - 1}.{site}.{letter}"].value[head - 1] for letter in ("k", "v")
            }
            pictures = painted(page, ".cache-rows canvas")
            there = 1 if site == "self_attn" else len(trace.sides["src"].ids)
            expected = [(row, letter) for row in range(there) for letter in ("k", "v")]
            assert [(each.row, each.stage) for each in pictures] == expected
            rows = len(trace.predicts) if site == "self_attn" else there
            limit = max(largest(values[:rows]) for values in sent.values())
            for picture in pictures:
                assert_close(picture.values, sent[picture.stage][picture.row : picture.row + 1])
                assert picture.limit == pytest.approx(limit, rel=CLOSE)
                assert_colours(picture, shown.mode)


CHECKS = {
    "attention": check_attention,
    "ffn": check_ffn,
    "tokens": check_tokens,
    "positions": check_positions,
    "output": check_output,
    "decoding": check_decoding,
}


def places_of(model):
    return [place for place in PLACES if model == "pre" or place not in FINAL_NORMS]


@pytest.mark.parametrize(
    ("model", "place"), [(model, place) for model in CASES for place in places_of(model)]
)
def test_what_an_instrument_paints_is_the_trace(shown, model, place):
    check = check_final_norm if place in FINAL_NORMS else CHECKS[root(place)]
    page = shown(model).page
    check(shown(model), place)
    painted(page)
    assert all(marks(page, "svg:not(.map svg, .play-icon, [hidden])")), "a picture does not say what it shows"
    assert_bars(page)


# The map


def map_values(trace, stage):
    """What a thumbnail of the map shows: shares of the largest number, or weights."""
    if stage == "decoding":
        return trace["output.probs"].value.max(-1)[None]
    if stage == "output":
        return -np.sort(-trace["output.probs"].value, -1)[:, :8]
    if stage.endswith("_attn"):
        return trace[f"{stage}.weights"].value.mean(0)
    name = {"ffn": f"{stage}.ffn_hidden", "norm": f"{stage}.norm_out"}.get(
        stage.split(".")[-1].split("_")[-1], stage
    )
    value = trace[name].value
    drawn = value[:, :: -(-value.shape[-1] // 32)]
    return drawn / largest(drawn)


@pytest.mark.parametrize("model", CASES)
def test_the_maps_thumbnails_are_the_chosen_layers(shown, model):
    page, trace = shown(model).page, shown(model).trace
    shown(model).mount("map", place="tokens")
    for layer in {1, min(2, trace.config.n_layers), trace.config.n_layers}:
        page.locator(f".map .layers [data-layer='{layer}']").click()
        pictures = painted(page, ".map canvas")
        parts = ("embed", "pos", "self_attn", "self_attn_norm", "ffn", "ffn_norm")
        blocks = {f"{stack}.{part}" for stack in ("encoder", "decoder") for part in parts}
        blocks |= {"decoder.cross_attn", "decoder.cross_attn_norm", "output", "decoding"}
        if trace.config.norm == "pre":
            blocks |= {"encoder.final_norm", "decoder.final_norm"}
        assert {picture.data["block"] for picture in pictures} == blocks
        for picture in pictures:
            stack, _, part = picture.data["block"].partition(".")
            is_given = not part or part in ("embed", "pos", "final_norm")
            assert picture.stage == (picture.data["block"] if is_given else f"{stack}.{layer - 1}.{part}")
            assert np.abs(picture.values - map_values(trace, picture.stage)).max() <= 2 * BYTE
            assert_colours(picture, shown(model).mode)
