"""One head's weights as a plain Plotly heat-map."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from model import Trace
from viz import theme
from viz.figures import figure
from viz.labels import plain, query_labels


@figure("attention_heatmap")
def attention_heatmap(trace: Trace, place: str, layer: int, head: int, mode: str = "light") -> go.Figure:
    """Rows ask, columns answer: each cell is its column's share of the row, and each row sums to 1."""
    stack, site = place.split(".")
    entry = trace[f"{stack}.{layer}.{site}.weights"]
    weights = entry.value[head]
    rows = [plain(label) for label in query_labels(trace, entry)]
    columns = [plain(token) for token in entry.labels["key"]]
    n_rows, n_columns = weights.shape
    heat = {
        "type": "heatmap",
        "z": weights,
        "x": np.arange(n_columns),
        "y": np.arange(n_rows),
        "zmin": 0,
        "zmax": 1,
        "colorscale": theme.colorscale(mode),
        "xgap": 1,
        "ygap": 1,
        "customdata": [[f"query {row}<br>key {column}" for column in columns] for row in rows],
        "hovertemplate": f"%{{customdata}}<br>weight %{{z:.{theme.WEIGHT_DIGITS}f}}<extra></extra>",
        "colorbar": {"title": {"text": "weight"}, "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    }
    ticks = {"tickmode": "array", "showgrid": False, "zeroline": False, "automargin": True}
    layout = {
        "template": theme.template(),
        "height": int(min(1400, max(360, 150 + 26 * n_rows))),
        "xaxis": ticks | {
            "tickvals": np.arange(n_columns), "ticktext": columns, "side": "top", "tickangle": -50,
            "title": {"text": "key (answers)"},
        },
        "yaxis": ticks | {
            "tickvals": np.arange(n_rows), "ticktext": rows, "autorange": "reversed",
            "title": {"text": "query (asks)"},
        },
    }  # fmt: skip
    return go.Figure(data=[heat], layout=layout)
