"""A visit: its requests are all named by the page, packed, not sent again the next time; words at once."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.head import SENTENCE
from viz.compression import LEAST, PACKABLE
from viz.first_screen import TITLE, WORDS

PLACES = ("decoder.cross_attn", "decoder.ffn", "tokens", "positions", "output", "decoding")
# What the page as it came names; and what was there when it came.
NAMED = """
() => [...document.querySelectorAll("link[href], script[src]")].map((node) => node.href || node.src)
"""
# Bytes that came over the line for each file of the instruments.
SENT = """
() => {
  const entries = performance.getEntriesByType("resource");
  const ours = entries.filter(({ name }) => name.includes("/instruments/"));
  return Object.fromEntries(ours.map(({ name, transferSize }) => [name, transferSize]));
}
"""
SCRIPTS = ("/static/js/", "/instruments/")


class Visit:
    """What a page asked for before and after its socket opened, and what it was answered."""

    def __init__(self) -> None:
        self.before, self.after, self.responses = [], [], []
        self.has_socket = False

    def watch(self, page: Page) -> None:
        page.on(
            "request", lambda request: (self.after if self.has_socket else self.before).append(request.url)
        )
        page.on("response", lambda response: self.responses.append(response))
        page.on("websocket", lambda socket: setattr(self, "has_socket", True))


def scripts(urls):
    return [url for url in urls if urlsplit(url).path.startswith(SCRIPTS)]


@pytest.mark.parametrize("place", PLACES)
def test_all_scripts_of_the_first_picture_are_asked_for_together_before_the_socket_opens(visit, zoo, place):
    seen = Visit()
    page = visit(zoo, before=seen.watch, text=SENTENCE, place=place)
    named = set(page.evaluate(NAMED))
    asked = scripts(seen.before + seen.after)
    assert set(asked) - named == set()
    assert len([url for url in asked if "/instruments/" in url]) > 10
    assert sorted(set(asked)) == sorted(asked), "each is asked for once"
    assert scripts(seen.after) == []


def test_all_that_can_be_packed_is(visit, zoo):
    seen = Visit()
    visit(zoo, before=seen.watch, text=SENTENCE)
    for response in seen.responses:
        headers = response.headers
        is_text = headers.get("content-type", "").partition(";")[0] in PACKABLE
        if response.status == 200 and is_text and len(response.body()) > LEAST:
            assert headers.get("content-encoding") == "gzip", response.url


def test_at_the_second_visit_no_script_is_sent_again(visit, zoo):
    """What the server says to be the same counts as 300 bytes, whatever its size (Resource Timing, 4.3)."""
    first, again = (visit(zoo, text=SENTENCE).evaluate(SENT) for _ in range(2))
    assert set(again) == set(first) and len(first) > 20
    assert set(again.values()) == {300}


def test_words_stand_until_the_app_does(visit, zoo):
    """The socket is held: nothing of the app can come."""
    words = visit(
        zoo,
        before=lambda page: page.route_web_socket("**/_stcore/stream", lambda socket: None),
        until=lambda page: page.locator(".stApp").wait_for(),
    ).locator("#first-screen")
    for text in (TITLE, *WORDS):
        expect(words.get_by_text(text)).to_be_visible()
    expect(visit(zoo, text=SENTENCE).locator("#first-screen")).to_be_hidden()


def test_without_javascript_the_words_leave_room_for_the_page_that_says_so(visit, zoo):
    page = visit(zoo, {"java_script_enabled": False}, until=lambda page: page.wait_for_load_state())
    expect(page.locator("#first-screen")).to_be_hidden()
