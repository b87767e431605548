"""Texts that are hard on labels, and traces of them in a small model."""

from __future__ import annotations

from model import Glass, Trace
from tests.helpers import checkpoints
from tests.helpers.small import small_model, trace_of

N_LAYERS, N_HEADS = 3, 2
TEXTS = {
    "plain": "Where is the station?",
    "repeated": "the the the the the the",
    "markup": "<b>bold</b> & <script>alert(1)</script> &lt;",
    "emoji": "👩‍👩‍👧 runs 🏃🏽‍♀️!",
    "right-to-left": "שלום עולם مرحبا",
    "plotly's own": "%{z} $x$ {0} <br>",
}
TRACES = (*TEXTS, "60 tokens", "one token")


def trace_named(glass: Glass, name: str) -> Trace:
    """The trace called `name`: of a text above, of 60 source tokens, or of one token on each side."""
    if name == "one token":
        return trace_of(small_model(n_layers=N_LAYERS, n_heads=N_HEADS), src=(5,), tgt=(1,))
    return glass.trace(checkpoints.text_of(glass, 60) if name == "60 tokens" else TEXTS[name])
