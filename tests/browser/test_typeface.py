"""One typeface on every machine: texts and canvases use the one that Streamlit serves, and wait for it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import REPOSITORY, settle
from tests.helpers.head import SENTENCE
from tests.helpers.screen import expect_picture, matrix, picture

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
# Whether a canvas has a text at all: see paint.js.
WRITTEN = """
() => {
  const all = (root) => [...root.querySelectorAll("*")];
  const nodes = all(document).flatMap((node) => (node.shadowRoot ? all(node.shadowRoot) : []));
  return nodes.some((node) => node.written?.length);
}
"""
CANVASES = """
window.canvasFonts = [];
const { set, get } = Object.getOwnPropertyDescriptor(CanvasRenderingContext2D.prototype, "font");
Object.defineProperty(CanvasRenderingContext2D.prototype, "font", {
  get,
  set(font) { set.call(this, font); canvasFonts.push([font, window.isTypefaceHere]); },
});
"""
# The typeface takes its time.
SLOW = """
const { load } = FontFaceSet.prototype;
FontFaceSet.prototype.load = async function (font) {
  const faces = await load.call(this, font);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  window.isTypefaceHere = true;
  return faces;
};
"""
# Puts a text on the page.
PROBE = """
(text) => {
  const probe = Object.assign(document.createElement("p"), { id: "probe", textContent: text });
  document.body.prepend(probe);
}
"""
PLACES = ("tokens", "positions", "encoder.self_attn", "encoder.ffn", "output", "decoding")


@pytest.mark.parametrize("place", PLACES)
def test_every_text_is_in_the_served_typeface(visit, zoo, place):
    page = visit(
        zoo,
        before=lambda page: page.add_init_script(CANVASES),
        text=SENTENCE,
        place=place,
    )
    allowed = {FACE, '"Source Code Pro",monospace', '"Material Symbols Rounded"'}
    assert {font.replace(", ", ",") for font in page.evaluate(FONTS)} <= allowed
    fonts = {font.split("px ", 1)[1] for font, _ in page.evaluate("canvasFonts")}
    assert fonts == ({FACE} if page.evaluate(WRITTEN) else fonts & {FACE})


def test_no_canvas_is_painted_before_the_typeface_is_there(visit, zoo):
    page = visit(zoo, before=lambda page: page.add_init_script(CANVASES + SLOW), text=SENTENCE)
    painted = page.evaluate("canvasFonts")
    assert painted and all(is_here for _, is_here in painted)


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


def symbols() -> str:
    """Every character beyond ASCII that the page's and the instruments' sources hold."""
    sources = [path for path in (REPOSITORY / "viz").rglob("*") if path.suffix in (".js", ".py", ".css")]
    return "".join(sorted({letter for path in sources for letter in path.read_text() if ord(letter) > 127}))


def test_the_typeface_has_every_symbol_that_the_page_uses(visit, zoo):
    """The browser's inspector tells which font each glyph comes from."""
    page = visit(zoo, text=SENTENCE)
    page.evaluate(PROBE, symbols())
    inspector = page.context.new_cdp_session(page)
    inspector.send("DOM.enable")
    inspector.send("CSS.enable")
    root = inspector.send("DOM.getDocument")["root"]["nodeId"]
    node = inspector.send("DOM.querySelector", {"nodeId": root, "selector": "#probe"})["nodeId"]
    fonts = inspector.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    assert [font["familyName"] for font in fonts if not font["isCustomFont"]] == []
    assert sum(font["glyphCount"] for font in fonts) > 0
