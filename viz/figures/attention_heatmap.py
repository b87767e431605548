"""One stage of one head as a plain Plotly heat-map."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from model import Entry, Trace
from viz import theme
from viz.figures import figure
from viz.labels import plain, query_labels
from viz.stages import entries


def stage_entry(trace: Trace, place: str, layer: int, stage: str) -> Entry:
    """The trace entry behind a stage of an attention."""
    return trace[entries(trace, trace.anatomy.at(place).scope(layer))[stage]]


def nearest_stage(trace: Trace, place: str, stage: str) -> str:
    """The stage itself where it can be plotted and this attention has it, else its weights."""
    return stage if stage in entries(trace, trace.anatomy.at(place).scope()) else "weights"


def axis_labels(trace: Trace, entry: Entry, axis: str) -> list[str]:
    """Tokens along a token axis (queries also say what they predict), numbers from 1 along the others."""
    if axis == "query":
        return [plain(label) for label in query_labels(trace, entry)]
    if axis == "key":
        return [plain(token) for token in entry.labels["key"]]
    return [str(i + 1) for i in range(entry.value.shape[-1])]


@figure("attention_heatmap")
def attention_heatmap(
    trace: Trace, place: str, layer: int, head: int, mode: str = "light", stage: str = "weights"
) -> go.Figure:
    """Rows ask, columns answer: each cell is its column's share of the row, and each row sums to 1."""
    entry = stage_entry(trace, place, layer, stage)
    values = entry.value[head] if entry.axes[0] == "head" else entry.value
    row_axis, column_axis = entry.axes[-2:]
    rows, columns = (axis_labels(trace, entry, axis) for axis in (row_axis, column_axis))
    is_weights = entry.name.endswith(".weights")
    finite = values[np.isfinite(values)]
    limit = 1.0 if is_weights else float(np.abs(finite).max(initial=0.0)) or 1.0
    named = {"query": "query (asks)", "key": "key (answers)"}
    number = theme.number_format(is_weights)
    short = entry.name.rsplit(".", 1)[-1]
    heat = {
        "type": "heatmap",
        "z": values,
        "x": np.arange(len(columns)),
        "y": np.arange(len(rows)),
        "zmin": 0 if is_weights else -limit,
        "zmax": limit,
        "colorscale": theme.colorscale(mode) if is_weights else theme.diverging_colorscale(mode),
        "xgap": 1,
        "ygap": 1,
        "customdata": [[f"{row_axis} {row}<br>{column_axis} {column}" for column in columns] for row in rows],
        "hovertemplate": f"%{{customdata}}<br>{short} %{{z:{number}}}<extra></extra>",
        "colorbar": {"title": {"text": short}},
    }
    ticks = {"tickmode": "array", "showgrid": False, "zeroline": False, "automargin": True}
    layout = {
        "template": theme.template(),
        "height": int(min(1400, max(360, 150 + 26 * len(rows)))),
        "xaxis": ticks | {
            "tickvals": np.arange(len(columns)), "ticktext": columns, "side": "top", "tickangle": -50,
            "title": {"text": named.get(column_axis, f"feature ({column_axis})")},
        },
        "yaxis": ticks | {
            "tickvals": np.arange(len(rows)), "ticktext": rows, "autorange": "reversed",
            "title": {"text": named[row_axis]},
        },
    }  # fmt: skip
    return go.Figure(data=[heat], layout=layout)
