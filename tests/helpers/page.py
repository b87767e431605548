"""What the tests read off the page as Streamlit runs it, and what they expect there."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from html import unescape

import numpy as np
from streamlit.testing.v1 import AppTest

from model import Glass, Trace, Translation
from model.text import read
from tests.helpers.asked import first
from tests.helpers.messages import unpack
from tests.helpers.places import head_title
from viz import server
from viz.labels import query_labels

SENTENCE = "A woman is reading a book."


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


@cache
def computed(glass: Glass, text: str) -> tuple[Translation, Trace]:
    """What the model says to a text, and the trace of it."""
    translated = glass.translate(text, glass.decoding.beam)
    return translated, glass.trace(text, translated)


def assert_shows(
    app: AppTest,
    glass: Glass,
    text: str,
    place: str = "decoder.cross_attn",
    layer: int | None = None,
    head: int = 0,
) -> None:
    """The translation, the payload and the plot are those of the model for this text and head."""
    assert_whole(app)
    translated, trace = computed(glass, read(text))
    layer = glass.config.n_layers // 2 if layer is None else layer
    assert translation(app) == (translated.text or "(the model says nothing)")
    request = server.request_of(glass.name, read(text), glass.decoding.beam)
    assert instruments(app)["attention"].bytes == first("attention", (glass, trace, None), place, request)
    chips = unpack(instruments(app)["translation"].bytes)[0]["chips"]
    assert [chip["token"] for chip in chips] == [glass.tokenizer.readable(s.id) for s in translated.steps]
    stack, site = place.split(".")
    entry = trace[f"{stack}.{layer}.{site}.weights"]
    alt, cells, rows, columns = chart(app)
    assert alt == f"{head_title(place, layer + 1, head + 1)}: weights"
    assert cells.tobytes() == entry.value[head].astype(np.float32).tobytes()
    assert tuple(map(unescape, rows)) == query_labels(trace, entry)
    assert tuple(map(unescape, columns)) == entry.labels["key"]
