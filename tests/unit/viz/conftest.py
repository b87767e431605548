"""A small untrained model, and traces of sentences that are hard on labels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model import Glass, Trace, load
from tests import checkpoints
from tests.helpers.node import Node, running_node
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


@pytest.fixture(scope="session")
def small_glass(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    return load(checkpoints.make(tmp_path_factory.mktemp("checkpoints"), "small", N_LAYERS, N_HEADS))


@pytest.fixture(scope="session")
def exact_glass(small_glass: Glass) -> Glass:
    """The same model in float64, for tests that come to one number on two ways."""
    return checkpoints.exact(small_glass.folder)


def trace_named(glass: Glass, name: str) -> Trace:
    """The trace called `name`: of a text above, of 60 source tokens, or of one token on each side."""
    if name == "one token":
        return trace_of(small_model(n_layers=N_LAYERS, n_heads=N_HEADS), src=(5,), tgt=(1,))
    return glass.trace(checkpoints.text_of(glass, 60) if name == "60 tokens" else TEXTS[name])


TRACES = (*TEXTS, "60 tokens", "one token")


@pytest.fixture(scope="session", params=TRACES)
def trace(request: pytest.FixtureRequest, small_glass: Glass) -> Trace:
    return trace_named(small_glass, request.param)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """Runs the instruments' modules that need no page."""
    with running_node() as node:
        yield node
