"""The page as Streamlit runs it, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from model import Glass, checkpoint, load
from viz import server

SCRIPT = Path(__file__).resolve().parents[2] / "app.py"
RUN_WITHIN = 120


@pytest.fixture(scope="session")
def glass() -> Glass:
    """The model that the repository ships."""
    return load("en-de")


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """`open_page(**link)`: a first visit with these link parameters, the plain plot drawn unless they say."""

    def open_(**link: object) -> AppTest:
        app = AppTest.from_file(str(SCRIPT), default_timeout=RUN_WITHIN)
        for name, value in ({"plot": "true"} | link).items():
            app.query_params[name] = str(value)
        return app.run()

    return open_


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of checkpoints instead of the repository's."""
    monkeypatch.setattr(checkpoint, "ROOT", tmp_path)
    forget = (server.glasses.cache_clear, server.answer.clear)
    for each in forget:
        each()
    yield tmp_path
    for each in forget:
        each()
