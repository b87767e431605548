"""figures/: every figure shows the trace's numbers and tokens, and nothing else."""

from __future__ import annotations

import importlib
import json
import pkgutil
from html import unescape

import numpy as np
import pytest

from tests.helpers.places import SITES
from viz import figures, theme
from viz.figures import FIGURES
from viz.labels import query_labels

SIGNED = ("x_q", "x_kv", "q", "k", "v", "scores", "scaled", "masked", "z", "out")
"""Stages of a head whose numbers may be below 0."""

for module in pkgutil.iter_modules(figures.__path__):
    importlib.import_module(f"viz.figures.{module.name}")


def choices(trace):
    """Every place, layer and head."""
    config = trace.config
    return [(p, i, h) for p in SITES for i in range(config.n_layers) for h in range(config.n_heads)]


def entry_of(trace, place, layer):
    stack, site = place.split(".")
    return trace[f"{stack}.{layer}.{site}.weights"]


def heat(trace, *choice, name="attention_heatmap", mode="light"):
    figure = FIGURES[name](trace, *choice, mode)
    return figure, figure.data[0]


def test_every_module_of_the_folder_registers_a_figure_of_its_name():
    assert set(FIGURES) == {module.name for module in pkgutil.iter_modules(figures.__path__)} != set()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_caption_of_one_whole_sentence(name):
    assert FIGURES[name].__doc__.strip().endswith(".")


@pytest.mark.parametrize("mode", theme.MODES)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_builds_at_every_place_layer_and_head(name, mode, trace):
    for choice in choices(trace):
        json.loads(heat(trace, *choice, name=name, mode=mode)[0].to_json())


def test_the_cells_are_the_traced_weights_bit_for_bit(trace):
    for place, layer, head in choices(trace):
        _, data = heat(trace, place, layer, head)
        weights = entry_of(trace, place, layer).value[head]
        assert data.z.dtype == weights.dtype
        assert np.array_equal(data.z, weights)


def test_the_ticks_are_the_tokens_one_for_each_row_and_column(trace):
    for place, layer, head in choices(trace):
        figure, data = heat(trace, place, layer, head)
        entry = entry_of(trace, place, layer)
        x, y = figure.layout.xaxis, figure.layout.yaxis
        assert tuple(unescape(text) for text in x.ticktext) == entry.labels["key"]
        assert tuple(unescape(text) for text in y.ticktext) == query_labels(trace, entry)
        n_rows, n_columns = data.z.shape
        assert list(x.tickvals) == list(data.x) == list(range(n_columns)), "repeated tokens stay apart"
        assert list(y.tickvals) == list(data.y) == list(range(n_rows)), "repeated tokens stay apart"


def test_no_token_is_markup_for_plotly(trace):
    for place, layer, head in choices(trace):
        figure, data = heat(trace, place, layer, head)
        for text in (*figure.layout.xaxis.ticktext, *figure.layout.yaxis.ticktext):
            assert "<" not in text and ">" not in text
        for hover in np.ravel(data.customdata):
            assert "<" not in hover.replace("<br>", "", 1)


def test_hover_names_the_cells_own_query_and_key(trace):
    for place, layer, head in choices(trace):
        _, data = heat(trace, place, layer, head)
        entry = entry_of(trace, place, layer)
        rows, columns = query_labels(trace, entry), entry.labels["key"]
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                assert unescape(data.customdata[i][j]) == f"query {row}<br>key {column}"
    assert f"%{{z:.{theme.WEIGHT_DIGITS}f}}" in data.hovertemplate


def test_weights_lie_on_a_fixed_scale_from_0_to_1_first_token_top_left(trace):
    figure, data = heat(trace, *choices(trace)[0])
    assert (data.zmin, data.zmax) == (0, 1)
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.side == "top"


@pytest.mark.parametrize("stage", SIGNED)
def test_other_stages_lie_on_a_scale_that_reaches_as_far_below_0_as_above(stage, trace):
    place, layer, head = choices(trace)[-1]
    data = FIGURES["attention_heatmap"](trace, place, layer, head, "light", stage).data[0]
    values = np.asarray(data.z)
    limit = np.abs(values[np.isfinite(values)]).max()
    assert limit > 0
    assert (data.zmin, data.zmax) == (pytest.approx(-limit), pytest.approx(limit))
    assert [colour for _, colour in data.colorscale] == theme.DIVERGING["light"]


@pytest.mark.parametrize("mode", theme.MODES)
def test_the_colours_are_the_themes_sequential_scale(mode, trace):
    _, data = heat(trace, *choices(trace)[0], mode=mode)
    assert [colour for _, colour in data.colorscale] == theme.SEQUENTIAL[mode]
    assert [data.colorscale[0][0], data.colorscale[-1][0]] == [0, 1]
