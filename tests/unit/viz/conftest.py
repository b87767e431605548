"""A small untrained model, and traces of sentences that are hard on labels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model import Glass, Trace, load
from tests.helpers import checkpoints
from tests.helpers.node import Node, running_node
from tests.helpers.texts import N_HEADS, N_LAYERS, TRACES, trace_named


@pytest.fixture(scope="session")
def small_glass(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    return load(checkpoints.make(tmp_path_factory.mktemp("checkpoints"), "small", N_LAYERS, N_HEADS))


@pytest.fixture(scope="session")
def exact_glass(small_glass: Glass) -> Glass:
    """The same model in float64, for tests that come to one number on two ways."""
    return checkpoints.exact(small_glass.folder)


@pytest.fixture(scope="session", params=TRACES)
def trace(request: pytest.FixtureRequest, small_glass: Glass) -> Trace:
    return trace_named(small_glass, request.param)


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """Runs the instruments' modules that need no page."""
    with running_node() as node:
        yield node
