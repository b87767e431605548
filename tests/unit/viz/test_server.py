"""server.py: which files leave the machine, with which headers; readiness; which checkpoints load."""

from __future__ import annotations

import hashlib
import json
import logging
import threading

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from model import TextError, checkpoint
from model.limits import LimitError
from tests.helpers import checkpoints
from viz import server
from viz.instruments.base import Instrument, Numbers, Refusal
from viz.scene import PLAIN_EXAMPLES
from viz.server import INSTRUMENTS, SECURITY_POLICY

pytestmark = pytest.mark.once

SERVED = sorted(
    p.relative_to(INSTRUMENTS).as_posix() for p in INSTRUMENTS.rglob("*") if p.suffix in (".js", ".css")
)
KEPT = sorted(p.relative_to(INSTRUMENTS).as_posix() for p in INSTRUMENTS.rglob("*.py"))
TRICKS = [
    *("", "attention", "attention/", "attention/view", "no/such.js", "view.js", "attention/view.js/"),
    *("..%2Fserver.py", "%2E%2E/theme.py", "attention/..%2F..%2Fscene.py", "..%2F..%2Fapp.py"),
    *("%2Fetc%2Fpasswd", "..%2F..%2F..%2F..%2F..%2F..%2Fetc%2Fpasswd", "attention%5Cview.js"),
    *(
        "attention/view.js%00",
        "%00.js",
        "x" * 300 + ".js",
        "attention/VIEW.JS",
        "attention/__init__.py%00.js",
    ),
]


@pytest.fixture
def client():
    app = Starlette(routes=server.routes(), middleware=server.middleware())
    with TestClient(app) as client:
        yield client


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty folder of checkpoints; what was loaded before is forgotten, and again afterwards."""
    monkeypatch.setattr(checkpoint, "ROOT", tmp_path)
    forget = (server.glasses.cache_clear, server.answer.clear)
    for each in forget:
        each()
    yield tmp_path
    for each in forget:
        each()


def assert_guarded(response):
    assert response.headers["content-security-policy"] == SECURITY_POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", SERVED)
def test_scripts_and_styles_are_served_and_always_checked_anew(client, path):
    response = client.get(f"/instruments/{path}")
    assert response.status_code == 200
    assert response.content == (INSTRUMENTS / path).read_bytes()
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"].split(";")[0] == (
        "text/css" if path.endswith("css") else "text/javascript"
    )


def test_there_are_scripts_to_serve():
    assert {"attention/view.js", "attention/view.css", "shared/transport.js"} <= set(SERVED)


@pytest.mark.parametrize("path", [*KEPT, *TRICKS])
def test_nothing_else_leaves_the_folder(client, path):
    response = client.get(f"/instruments/{path}")
    assert response.status_code == 404
    assert response.text in ("There is no such file.", "Not Found")


@pytest.mark.parametrize("path", ["attention/view.js", "attention/view.css"])
def test_who_has_a_file_already_is_told_that_it_is_the_same(client, path):
    tag = client.get(f"/instruments/{path}").headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = client.get(f"/instruments/{path}", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "no-cache")
        assert_guarded(again)


def test_another_content_has_another_tag_and_is_sent(client, tmp_path, monkeypatch):
    monkeypatch.setattr(server.scripts, "folder", tmp_path)
    script = tmp_path / "a.js"
    script.write_text("1")
    before = client.get("/instruments/a.js").headers["etag"]
    script.write_text("2")
    after = client.get("/instruments/a.js", headers={"If-None-Match": before})
    assert (after.status_code, after.text) == (200, "2")
    assert after.headers["etag"] != before
    script.write_text("1")
    assert client.get("/instruments/a.js").headers["etag"] == before


def test_a_link_that_leads_out_of_the_folder_is_not_followed(client, tmp_path, monkeypatch):
    monkeypatch.setattr(server.scripts, "folder", tmp_path / "instruments")
    (tmp_path / "instruments").mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "instruments" / "out.js").symlink_to(tmp_path / "secret.js")
    assert client.get("/instruments/out.js").status_code == 404


@pytest.fixture
def asked(root, client, monkeypatch):
    """`asked(make)`: the response to a request for numbers that `make` makes."""
    checkpoints.make(root, "tiny", 1, 1)

    def ask(make, instrument="toy", name="numbers", **values):
        toy = Instrument("toy", lambda anatomy: ("toy",), lambda asked: ({}, {}), {"numbers": Numbers(make)})
        monkeypatch.setattr(server, "instruments", lambda: {"toy": toy})
        named = {"model": "tiny", "text": "Hello!", "beam": "1"} | values
        return client.get(f"/numbers/{instrument}/{name}", params=named)

    return ask


def raising(error):
    def make(asked):
        raise error

    return make


@pytest.mark.parametrize("error", [Refusal, TextError, LimitError])
def test_a_refusal_reaches_the_reader_as_its_sentence(asked, error):
    response = asked(raising(error("That makes no sense.")))
    assert (response.status_code, response.text) == (400, "That makes no sense.")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError])
def test_a_fault_of_ours_reaches_the_log_with_its_stack_and_the_reader_as_one_sentence(asked, caplog, error):
    response = asked(raising(error("secret")))
    assert response.status_code == 500
    assert response.text == "The server made a mistake here; its log says which."
    assert "Traceback" in caplog.text and "secret" in caplog.text and "in make" in caplog.text


@pytest.mark.parametrize("where", [{"instrument": "none"}, {"name": "none"}, {"place": "elsewhere"}])
def test_numbers_that_there_are_not_are_refused_with_a_sentence(asked, where):
    response = asked(lambda asked: b"", **where)
    assert response.status_code == 400 and response.text.startswith("There ")


def test_what_is_asked_holds_the_answer_and_what_names_it(asked):
    found = []
    assert asked(lambda asked: found.append(asked) or b"\1\2", pad="1", more="4").content == b"\1\2"
    (question,) = found
    assert question.glass.name == "tiny" and question.place == "toy" and question.values["more"] == "4"
    assert question.translation.source == "Hello!"
    assert question.request == server.request_of("tiny", "Hello!", 1, True)
    assert question.trace.sides["src"].ids[-1] == question.glass.config.pad_id


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_are_only_read(client, method):
    assert client.request(method, "/instruments/attention/view.js").status_code == 405


@pytest.mark.parametrize(
    "path", ["/readyz", "/instruments/attention/view.js", "/instruments/no.js", "/", "/nothing"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_response_carries_the_headers(client, path, method):
    assert_guarded(client.request(method, path))


def test_headers_of_the_page_do_not_double():
    chatty = PlainTextResponse(
        "x", headers={"Content-Security-Policy": "default-src *", "X-Content-Type-Options": "y"}
    )
    app = Starlette(routes=[Route("/", lambda request: chatty)], middleware=server.middleware())
    with TestClient(app) as client:
        response = client.get("/")
    assert_guarded(response)
    assert len(response.headers.get_list("content-security-policy")) == 1


def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_evaluate():
    rules = dict(rule.split(" ", 1) for rule in SECURITY_POLICY.split("; "))
    assert (
        rules["default-src"] == "'self'"
        and rules["object-src"] == "'none'"
        and rules["frame-ancestors"] == "'self'"
    )
    assert "unsafe" not in rules["script-src"]
    assert "http" not in SECURITY_POLICY and "*" not in SECURITY_POLICY


def test_readiness_is_said_only_once_the_examples_are_computed(client, monkeypatch):
    monkeypatch.setattr(server, "ready", threading.Event())
    assert client.get("/readyz").status_code == 503
    server.ready.set()
    response = client.get("/readyz")
    assert (response.status_code, response.text) == (200, "ready")


def test_warming_up_computes_every_example_of_every_model(root, monkeypatch):
    checkpoints.make(root, "en-de", 1, 1)
    checkpoints.make(root, "other", 1, 2)
    asked = []
    monkeypatch.setattr(server, "answer", lambda model, text, *options: asked.append((model, text)))
    monkeypatch.setattr(server.gc, "freeze", lambda: None)
    server.warm_up()
    assert set(asked) == {(model, text) for model in ("en-de", "other") for text in PLAIN_EXAMPLES}


def test_models_come_in_the_order_of_their_names(root):
    for name in ("aa", "zz", "en-de"):
        checkpoints.make(root, name, 1, 1)
    loaded, broken = server.glasses()
    assert list(loaded) == ["aa", "en-de", "zz"]
    assert broken == {}


def test_what_does_not_load_is_named_with_its_reason_and_does_not_disturb_the_rest(root, caplog):
    checkpoints.make(root, "good", 1, 1)
    checkpoints.make_broken(root, "torn")
    (root / "empty").mkdir()
    with caplog.at_level(logging.WARNING, logger="glassbox"):
        loaded, broken = server.glasses()
    assert list(loaded) == ["good"]
    assert set(broken) == {"torn", "empty"}
    assert "model.safetensors" in broken["torn"] and "config.json" in broken["empty"]
    assert "torn" in caplog.text and "empty" in caplog.text


def spoil(folder, file, content):
    (folder / file).write_bytes(content)


def change_json(folder, file, **changes):
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_bytes()) | changes))


SPOILT = {
    "deeply nested": lambda folder: spoil(folder, "card.json", b"[" * 100_000),
    "5,000 digits": lambda folder: spoil(folder, "config.json", b'{"d_model": ' + b"9" * 5000 + b"}"),
    "a wide model": lambda folder: change_json(folder, "config.json", d_model=10**12),
    "a deep model": lambda folder: change_json(folder, "config.json", n_layers=10**12),
    "a list as width": lambda folder: change_json(folder, "config.json", d_model=[128]),
    "other heads": lambda folder: change_json(folder, "config.json", n_heads=1),
    "no tokenizer": lambda folder: spoil(folder, "tokenizer.json", b"\0"),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "a folder as card": lambda folder: ((folder / "card.json").unlink(), (folder / "card.json").mkdir()),
}


@pytest.mark.parametrize("what", SPOILT)
def test_one_broken_folder_is_left_out_and_the_app_starts(root, what):
    checkpoints.make(root, "good", 1, 2)
    SPOILT[what](checkpoints.make(root, "spoilt", 1, 2))
    server.warm_up()
    loaded, broken = server.glasses()
    assert (list(loaded), list(broken)) == (["good"], ["spoilt"])
    assert broken["spoilt"].endswith(".") and len(broken["spoilt"]) < 300


def test_a_model_with_small_limits_warms_up_with_what_it_takes(root):
    checkpoints.make(root, "small", 1, 1, max_src_len=6)
    server.warm_up()
    assert list(server.glasses()[0]) == ["small"]


def test_a_fault_that_nobody_foresaw_leaves_out_one_model_and_reaches_the_log(root, caplog, monkeypatch):
    for name in ("good", "odd"):
        checkpoints.make(root, name, 1, 1)

    def load(name):
        if name == "odd":
            raise RuntimeError("unforeseen")
        return real_load(name)

    real_load = server.load
    monkeypatch.setattr(server, "load", load)
    loaded, broken = server.glasses()
    assert (list(loaded), list(broken)) == (["good"], ["odd"])
    assert "unforeseen" in caplog.text and "Traceback" in caplog.text
    assert "unforeseen" not in broken["odd"]


def test_a_model_that_fails_while_warming_up_is_left_out_and_the_app_starts(root, caplog, monkeypatch):
    for name in ("good", "odd"):
        checkpoints.make(root, name, 1, 1)

    def answer(model, text, beam):
        if model == "odd":
            raise RuntimeError("unforeseen")

    monkeypatch.setattr(server, "answer", answer)
    server.warm_up()
    loaded, broken = server.glasses()
    assert (list(loaded), list(broken)) == (["good"], ["odd"])
    assert "unforeseen" in caplog.text


def test_a_folder_whose_name_is_no_text_is_left_out(root):
    checkpoints.make(root, "good", 1, 1)
    checkpoints.make(root, "bad", 1, 1).rename(root / "bad\udcff")
    loaded, broken = server.glasses()
    assert (list(loaded), broken) == (["good"], {"bad\\udcff": "Its name is no text."})


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_the_version_is_that_of_what_was_loaded(root, change):
    folder = checkpoints.make(root, "en-de", 1, 1, seed=1)
    content = (folder / "model.safetensors").read_bytes()
    server.glasses()
    (folder / "model.safetensors").unlink()
    if change == "replaced":
        checkpoints.make(root, "en-de", 1, 1, seed=2)
    assert server.version("en-de") == hashlib.sha256(content).hexdigest()[:16]


def test_no_folder_of_checkpoints_at_all_is_no_error(root):
    root.rmdir()
    assert server.glasses() == ({}, {})
    root.mkdir()


def test_an_answer_is_the_translation_and_the_trace_of_exactly_its_ids(root):
    checkpoints.make(root, "en-de", 2, 2)
    answer = server.answer("en-de", "Where is the station?")
    glass = server.glasses()[0]["en-de"]
    translation = glass.translate("Where is the station?")
    assert answer.translation == translation
    expected = glass.trace("Where is the station?", translation)
    assert list(answer.trace) == list(expected)
    for name in expected:
        assert answer.trace[name].value.tobytes() == expected[name].value.tobytes(), name
