"""The page as Streamlit runs it, without a browser."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model import checkpoint
from viz import server

SCRIPT = Path(__file__).resolve().parents[2] / "app.py"
RUN_WITHIN = 120


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


def type_(app: AppTest, text: str) -> AppTest:
    """Type a sentence and press Enter."""
    return app.text_input(key="text").set_value(text).run()


def translation(app: AppTest) -> str:
    """The translation on screen."""
    (text,) = app.get("text")
    return text.value


def said(element: object) -> str:
    """What a notice says, without the backslashes and joiners that keep it from being Markdown."""
    return re.sub(r"\\([^\w\s])", r"\1", element.value).replace("\N{WORD JOINER}", "")


def notices(app: AppTest) -> list[str]:
    """The quiet notices about the link."""
    return [said(caption) for caption in app.caption if "Showing the nearest" in caption.value]


def chart(app: AppTest) -> tuple[str, np.ndarray, list[str], list[str]]:
    """The plot's description, its cells, and its row and column labels."""
    (element,) = app.get("plotly_chart")
    spec = json.loads(element.proto.spec)
    z, layout = spec["data"][0]["z"], spec["layout"]
    cells = np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"]).reshape(
        [int(n) for n in z["shape"].split(",")]
    )
    return element.proto.alt, cells, layout["yaxis"]["ticktext"], layout["xaxis"]["ticktext"]


def instruments(app: AppTest) -> dict[str, object]:
    """The browser-side views on screen, by name."""
    return {e.proto.component_name.removeprefix("glassbox_"): e.proto for e in app.get("bidi_component")}


def assert_whole(app: AppTest) -> None:
    """No exception, and everything is there that a picture needs."""
    assert not app.exception
    assert app.text_input(key="text").label == "English sentence"
    assert translation(app)
    assert set(instruments(app)) == {"attention", "map", "translation"}
    assert len(app.get("plotly_chart")) == 1
