"""first_screen.py, and what scripts.py finds for it: the page that first comes names all that it needs."""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from viz import server
from viz.first_screen import BUNDLE, ROOT, TITLE, WIDGETS, WORDS, FirstScreen, completed, widgets
from viz.scripts import Scripts, reached
from viz.server import INSTRUMENTS, first_addresses

STATIC = Path(streamlit.__file__).parent / "static"
PAGE = (STATIC / "index.html").read_text()
TOY = f"<html><head><title>x</title></head><body>{ROOT}</div></body></html>"
HTML = {"Accept": "text/html,*/*;q=0.8"}
VIEWS = sorted(path.parent.name for path in INSTRUMENTS.glob("*/view.js") if path.parent.name != "shared")
OPENED = {
    "": "attention",
    "nowhere": "attention",
    "decoder.cross_attn": "attention",
    "decoder.cross_attn_norm": "ffn",
    "encoder.ffn": "ffn",
    "tokens": "tokens",
    "positions": "positions",
    "output": "output",
    "decoding": "decoding",
}


class Links(HTMLParser):
    """What a page tells the browser to fetch at once: rel → addresses."""

    def __init__(self, page):
        super().__init__()
        self.named = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "link" and "href" in values:
            self.named.setdefault(values["rel"], []).append(values["href"].removeprefix("./"))


def named_by_hand(view):
    """Every script that a string in the view names, or in what those name; comments name only types."""
    found, waiting = set(), [view]
    while waiting:
        address = waiting.pop()
        found.add(address)
        text = re.sub(r"/\*.*?\*/", "", (INSTRUMENTS / address).read_text(), flags=re.DOTALL)
        beside = [
            posixpath.normpath(posixpath.join(posixpath.dirname(address), name))
            for name in re.findall(r"[\"'](\.[^\"'\s]*\.js)[\"']", text)
        ]
        waiting += [other for other in beside if other not in found]
    return found


@pytest.mark.parametrize("name", VIEWS)
def test_all_that_a_view_leads_to_is_needed(name):
    scripts = Scripts(INSTRUMENTS)
    needed = {path.relative_to(INSTRUMENTS).as_posix() for path in scripts.needed([name])}
    assert named_by_hand(f"{name}/view.js") == {address for address in needed if address.endswith(".js")}
    assert f"{name}/view.css" in needed
    assert ("shared/instrument.css" in needed) == any(address.startswith("shared/") for address in needed)


def test_modules_that_import_each_other_and_one_that_is_not_there_come_to_an_end(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js"; import "./gone.js"; import("./later.js");')
    (tmp_path / "b.js").write_text('export { a } from "./a.js";import*as c from"./c/c.js"')
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "c.js").write_text('import "../a.js"')
    (tmp_path / "later.js").write_text("")
    assert [path.name for path in reached([tmp_path / "a.js"])] == ["a.js", "b.js", "c.js"]


def test_a_module_that_was_changed_is_read_again(tmp_path):
    entry = tmp_path / "view.js"
    (tmp_path / "b.js").write_text("")
    entry.write_text("")
    assert len(reached([entry])) == 1
    entry.write_text('import "./b.js"')
    assert len(reached([entry])) == 2


@pytest.mark.parametrize("model", ["en-de", "en-fr", "no such model"])
@pytest.mark.parametrize("place", OPENED)
def test_the_page_names_what_the_place_of_its_link_needs_and_of_no_other(place, model):
    addresses = first_addresses({"place": place, "model": model})
    views = {address.split("/")[1] for address in addresses if address.endswith("/view.js")}
    assert views - {"shared"} == {"map", "translation", OPENED[place]}


def test_without_a_model_the_page_is_there_all_the_same(monkeypatch):
    monkeypatch.setattr(server, "glasses", lambda: ({}, {}))
    assert first_addresses({}) == widgets(STATIC)


@pytest.mark.parametrize("name", WIDGETS)
def test_streamlit_has_each_widgets_script_once(name):
    assert len(list((STATIC / BUNDLE).glob(f"{name}.*.js"))) == 1


def test_streamlits_page_gets_words_and_links_and_keeps_all_that_it_had():
    addresses = ["instruments/a/view.js", "instruments/a/view.css", *widgets(STATIC)]
    page = completed(PAGE, addresses)
    before, after = Links(PAGE).named, Links(page).named
    assert all(after[rel][: len(hrefs)] == hrefs for rel, hrefs in before.items())
    assert set(addresses) - set(before["modulepreload"]) <= {*after["modulepreload"], *after["preload"]} | {
        address for address in addresses if f'src="./{address}"' in PAGE
    }
    assert len(after["modulepreload"]) == len(set(after["modulepreload"]))
    assert TITLE in page and all(line in page for line in WORDS)
    assert page.index(WORDS[0]) < page.index(ROOT)
    assert page.count("<script") == PAGE.count("<script")


def test_another_page_stays_as_it_is():
    assert completed("<head></head><body></body>", ["a.js"]) == "<head></head><body></body>"


@pytest.fixture
def client():
    asked = []

    def page(request):
        asked.append(dict(request.headers))
        return HTMLResponse(
            TOY, headers={"ETag": "theirs", "Last-Modified": "then", "Cache-Control": "no-cache"}
        )

    routes = [Route("/", page), Route("/text", lambda request: PlainTextResponse("x"))]
    middleware = [Middleware(FirstScreen, addresses=lambda link: [f"{link.get('place', 'no')}.js"])]
    with TestClient(Starlette(routes=routes, middleware=middleware)) as client:
        client.asked = asked
        yield client


def test_the_page_has_a_tag_of_its_own_and_who_has_it_is_told_so(client):
    first = client.get("/?place=a", headers=HTML)
    assert 'href="./a.js"' in first.text and int(first.headers["content-length"]) == len(first.content)
    assert first.headers["etag"] != "theirs" and "last-modified" not in first.headers
    known = HTML | {"If-None-Match": first.headers["etag"], "If-Modified-Since": "then"}
    again = client.get("/?place=a", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (first.headers["etag"], "no-cache")
    assert client.get("/?place=b", headers=known).status_code == 200
    assert all("if-none-match" not in asked and "if-modified-since" not in asked for asked in client.asked)


@pytest.mark.parametrize("place", ['"><script>alert(1)</script>', "a b", "ü"])
def test_an_address_stays_an_address(client, place):
    page = client.get("/", params={"place": place}, headers=HTML).text
    assert "<script" not in page and len(Links(page).named["modulepreload"]) == 1


def test_what_is_no_page_passes_by(client):
    assert client.get("/text", headers=HTML).text == "x"
    assert client.get("/", headers={"Accept": "*/*"}).text == TOY
    assert client.head("/", headers=HTML).headers["etag"] == "theirs"
    assert client.get("/nothing", headers=HTML).status_code == 404


def test_the_servers_own_page_is_packed_completed_and_guarded():
    app = Starlette(middleware=server.middleware())
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    with TestClient(app) as client:
        answer = client.get("/?place=tokens", headers=HTML)
        again = client.get("/?place=tokens", headers=HTML | {"If-None-Match": answer.headers["etag"]})
    assert answer.headers["content-encoding"] == "gzip" and WORDS[0] in answer.text
    assert "instruments/tokens/view.js" in Links(answer.text).named["modulepreload"]
    assert again.status_code == 304
    for each in (answer, again):
        assert each.headers["content-security-policy"] == server.SECURITY_POLICY
