"""One typeface on every machine: texts and canvases use the one that Streamlit serves, and wait for it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settle
from tests.browser.head import SENTENCE
from tests.browser.screen import expect_picture, matrix, picture

FACE = '"Source Sans",sans-serif'
FACE_FILE = "**/SourceSansVF-Upright*"

# Every font that a text of the page or an instrument has, and every one that a canvas was given.
FONTS = """
() => {
  const all = (root) => [...root.querySelectorAll("*")];
  const nodes = all(document).flatMap((node) => (node.shadowRoot ? all(node.shadowRoot) : [node]));
  const isText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const texts = nodes.filter((node) => isText(node) && node.checkVisibility());
  return [...new Set(texts.map((node) => getComputedStyle(node).fontFamily))];
}
"""
CANVASES = """
window.canvasFonts = [];
const { set, get } = Object.getOwnPropertyDescriptor(CanvasRenderingContext2D.prototype, "font");
Object.defineProperty(CanvasRenderingContext2D.prototype, "font", {
  get,
  set(font) { set.call(this, font); canvasFonts.push([font, document.fonts.check('16px "Source Sans"')]); },
});
"""
PLACES = ("tokens", "positions", "encoder.self_attn", "encoder.ffn", "output", "decoding")


@pytest.mark.parametrize("place", PLACES)
def test_every_text_is_in_the_served_typeface_and_no_canvas_is_painted_before_it_is_there(visit, zoo, place):
    page = visit(
        zoo,
        before=lambda page: page.add_init_script(CANVASES),
        text=SENTENCE,
        place=place,
    )
    allowed = {FACE, '"Source Code Pro",monospace', '"Material Symbols Rounded"'}
    assert {font.replace(", ", ",") for font in page.evaluate(FONTS)} <= allowed
    fonts = page.evaluate("canvasFonts")
    assert {font.split("px ", 1)[1] for font, _ in fonts} <= {FACE}
    assert all(there for _, there in fonts)


def test_a_typeface_that_comes_late_redraws_what_was_drawn_without_it(visit, zoo):
    held = []
    page = visit(f"{zoo}/readyz", until=lambda page: None)
    page.route(FACE_FILE, lambda route: held.append(route))
    page.goto(f"{zoo}/?{urlencode({'text': SENTENCE})}", wait_until="commit")  # the face is part of "load"
    settle(page)
    without = picture(page)
    for route in held:
        route.continue_()
    expect_picture(page, without, same=False)
    with_it = picture(visit(zoo, text=SENTENCE))
    expect_picture(page, with_it)


def test_without_the_typeface_the_page_is_there_all_the_same(visit, zoo):
    page = visit(
        zoo, before=lambda page: page.route(FACE_FILE, lambda route: route.fulfill(body="")), text=SENTENCE
    )
    expect(matrix(page)).to_be_visible()
