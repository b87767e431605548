"""compression.py: what is packed, what is kept, and what is left as it is."""

from __future__ import annotations

import gzip

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from viz import compression
from viz.compression import LEAST, Compression

TEXT = "export const same = 1;\n" * 100
FOR_EVER = {"Cache-Control": "public, immutable, max-age=31536000"}
PACKED, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


def client_of(make):
    """A client of an app that answers everything by `make(request)`, and the requests that reached it."""
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return make(request)

    route = Route("/{path:path}", answer, methods=["GET", "POST"])
    return TestClient(Starlette(routes=[route], middleware=[Middleware(Compression)])), asked


def script(request, text=TEXT, **headers):
    return Response(text, media_type="text/javascript", headers={"ETag": '"tag"', **FOR_EVER, **headers})


def test_what_lasts_is_packed_once_and_the_same_for_everybody():
    client, asked = client_of(script)
    answers = [client.get("/a.js", headers=PACKED) for _ in range(3)]
    for answer in answers:
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(TEXT) / 10
        assert (answer.text, answer.headers["vary"], answer.headers["etag"]) == (
            TEXT,
            "Accept-Encoding",
            'W/"tag"',
        )
        assert answer.headers["cache-control"] == FOR_EVER["Cache-Control"]
    assert asked == ["/a.js"]
    assert [answer.headers for answer in answers[1:]] == [answers[0].headers] * 2


def test_who_takes_no_gzip_gets_it_as_it_is():
    client, _ = client_of(script)
    client.get("/a.js", headers=PACKED)
    answer = client.get("/a.js", headers=PLAIN)
    assert "content-encoding" not in answer.headers and answer.text == TEXT


@pytest.mark.parametrize("headers", [{"Cache-Control": "no-cache"}, {"Set-Cookie": "a=b"}])
def test_what_may_change_is_packed_each_time(headers):
    client, asked = client_of(lambda request: script(request, TEXT + str(len(asked)), **headers))
    answers = [client.get("/a.js", headers=PACKED) for _ in range(2)]
    assert [answer.text for answer in answers] == [f"{TEXT}1", f"{TEXT}2"]
    assert {answer.headers["content-encoding"] for answer in answers} == {"gzip"}


@pytest.mark.parametrize(
    "make",
    [
        lambda request: Response(b"x" * 5000, media_type="font/woff2", headers=FOR_EVER),
        lambda request: Response(TEXT, 404, media_type="text/html", headers=FOR_EVER),
        lambda request: Response(TEXT, 206, media_type="text/html", headers=FOR_EVER),
        lambda request: StreamingResponse(iter(["a"] * 1000), media_type="text/event-stream"),
    ],
    ids=["a font", "not found", "a part", "a stream of events"],
)
def test_what_would_gain_nothing_is_left_as_it_is(make):
    client, asked = client_of(make)
    answers = [client.get("/a", headers=PACKED) for _ in range(2)]
    assert all("content-encoding" not in answer.headers for answer in answers)
    assert asked == ["/a"] * 2


def test_what_is_small_is_sent_as_it_is():
    client, _ = client_of(lambda request: script(request, "x" * (LEAST - 1)))
    answers = [client.get("/a.js", headers=PACKED) for _ in range(2)]
    assert all("content-encoding" not in answer.headers for answer in answers)
    assert {answer.text for answer in answers} == {"x" * (LEAST - 1)}


def test_what_was_packed_before_stays_as_it_is():
    body = gzip.compress(TEXT.encode())
    client, _ = client_of(lambda request: script(request, body, **{"Content-Encoding": "gzip"}))
    answer = client.get("/a.js", headers=PACKED)
    assert answer.text == TEXT and int(answer.headers["content-length"]) == len(body)


@pytest.mark.parametrize("headers", [{"If-None-Match": 'W/"tag"'}, {"If-Modified-Since": "now"}])
def test_whether_something_is_still_the_same_says_who_made_it(headers):
    (name,) = headers

    def answer(request: Request) -> Response:
        return Response(status_code=304) if name in request.headers else script(request)

    client, _ = client_of(answer)
    assert client.get("/a.js", headers=PACKED).text == TEXT
    assert client.get("/a.js", headers=PACKED | headers).status_code == 304


def test_a_part_and_a_form_pass_by():
    client, asked = client_of(script)
    client.get("/a.js", headers=PACKED)
    for answer in (
        client.get("/a.js", headers=PACKED | {"Range": "bytes=0-9"}),
        client.post("/a.js", headers=PACKED),
    ):
        assert "content-encoding" not in answer.headers
    assert len(asked) == 3


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(compression, "MOST_KEPT", 100)
    client, asked = client_of(script)
    for path in ("/a.js", "/b.js", "/a.js", "/b.js"):
        assert client.get(path, headers=PACKED).text == TEXT
    assert asked == ["/a.js", "/b.js", "/b.js"]


def test_files_that_come_in_pieces_are_packed_whole(tmp_path):
    text = "".join(f"line {i}\n" for i in range(100_000))
    (tmp_path / "a.css").write_text(text)
    app = Starlette(middleware=[Middleware(Compression)])
    app.mount("/", StaticFiles(directory=tmp_path))
    answer = TestClient(app).get("/a.css", headers=PACKED)
    assert answer.headers["content-encoding"] == "gzip" and answer.text == text
