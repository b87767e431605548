"""An instrument is one new folder: on the map, by its link and by its route, with no edit elsewhere."""

from __future__ import annotations

import sys

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import viz.instruments
from tests.helpers import checkpoints
from tests.helpers.messages import unpack
from tests.helpers.page import instruments, notices
from viz import server
from viz.instruments import base

PYTHON = '''
"""A toy: how many tokens each side has."""

import numpy as np

from viz.instruments import pack
from viz.instruments.base import Asked, Instrument, Numbers, Refusal
from viz.instruments.link import Choice, Count


def message(asked):
    return {"said": asked.values.get("word", "none")}, {"ids": np.array(asked.translation.ids, np.int32)}


def letters(asked):
    count = asked.whole("count", 1, 9)
    if count == 9:
        raise Refusal("Nine is too many.")
    return pack({"letters": "a" * count}, {})


INSTRUMENT = Instrument(
    name="toy",
    places=lambda anatomy: ("toy",),
    message=message,
    numbers={"letters": Numbers(letters)},
    link=(Count("dot", lambda asked: 3), Choice("word", ("yes", "no"))),
)
'''
VIEW = "export default ({ parentElement }) => { parentElement.textContent = 'toy'; };\n"


@pytest.fixture
def toy(tmp_path_factory, monkeypatch):
    """The folder, where folders of instruments are looked for."""
    folder = tmp_path_factory.mktemp("instruments") / "toy"
    folder.mkdir()
    (folder / "__init__.py").write_text(PYTHON)
    (folder / "view.js").write_text(VIEW)
    monkeypatch.setattr(viz.instruments, "__path__", [*viz.instruments.__path__, str(folder.parent)])
    base.instruments.cache_clear()
    yield
    base.instruments.cache_clear()
    sys.modules.pop("viz.instruments.toy", None)


def test_a_folder_is_an_instrument(toy, open_page, root):
    checkpoints.make(root, "tiny", 1, 2, max_tgt_len=8)
    app = open_page(text="a", place="toy", dot=2, word="no")
    assert not app.exception and not notices(app)
    shown = instruments(app)
    assert set(shown) == {"translation", "map", "toy"}
    header, arrays = unpack(shown["toy"].bytes)
    assert header["said"] == "no" and len(arrays["ids"])
    assert [row["name"] for row in header["link"]] == ["dot", "word"]
    on_map, _ = unpack(shown["map"].bytes)
    assert on_map["places"][-1] == "toy"
    assert on_map["boxes"][-1]["place"] == "toy" and "Toy" in on_map["boxes"][-1]["said"]


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ({"dot": 9}, "The link asks for dot 9; here they run from 1 to 3."),
        ({"dot": "x"}, "The link's dot is 'x', which is no whole number."),
        ({"word": "maybe"}, "There is no word 'maybe' here."),
    ],
)
def test_its_link_is_judged_by_its_own_table(toy, open_page, root, link, said):
    checkpoints.make(root, "tiny", 1, 2, max_tgt_len=8)
    (notice,) = notices(open_page(text="a", place="toy", **link))
    assert said in notice


def test_its_numbers_are_answered_by_its_route(toy, root):
    checkpoints.make(root, "tiny", 1, 2, max_tgt_len=8)
    asked = {"model": "tiny", "text": "a", "beam": "1"}
    with TestClient(Starlette(routes=server.routes())) as client:
        answer = client.get("/numbers/toy/letters", params=asked | {"count": "4"})
        assert answer.status_code == 200 and unpack(answer.content)[0]["letters"] == "aaaa"
        refused = client.get("/numbers/toy/letters", params=asked | {"count": "9"})
        assert (refused.status_code, refused.text) == (400, "Nine is too many.")
        assert client.get("/numbers/toy/none", params=asked).status_code == 400
        first = client.get("/numbers/toy/message", params=asked)
        assert unpack(first.content)[0]["place"] == "toy"
