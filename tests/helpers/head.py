"""What the tests read off the inside of a head, and what they expect there."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import expect

SENTENCE = "Where is the station?"
PLACE, LAYER, HEAD = "decoder.cross_attn", 4, 2
STAGES = ("x_q", "x_kv", "q", "k", "v", "scores", "scaled", "masked", "weights", "z", "concat", "out")
NEED_MATRICES = ("q", "k", "v", "out")
KEYS_DOWN = {"x_kv", "k", "v"}
HEADER = 58
TOLERANCE = 1e-5
ONE_FRAME_MS = 16
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

# Points at places of a stage's panel (from its top-left cell's corner); gives what the strip says each time.
POINT = """
(board, [stage, places, header]) => {
  const root = board.getRootNode();
  const name = root.querySelector(`.stage-name[data-stage=${stage}]`);
  const box = board.getBoundingClientRect();
  const [x, y] = [parseFloat(name.style.left), parseFloat(name.style.top) + header];
  return places.map(([dx, dy]) => {
    const at = { clientX: box.left + x + dx, clientY: box.top + y + dy };
    board.dispatchEvent(new PointerEvent("pointermove", at));
    return {
      title: root.querySelector(".formula b").textContent,
      result: root.querySelector(".formula .result").textContent,
      formula: root.querySelector(".formula").textContent,
      note: root.querySelector(".strip .note").textContent,
    };
  });
}
"""


# What the screen should say


def number_text(value):
    """numbers.js: four significant digits."""
    value = float(value)
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "−∞" if value < 0 else "∞"
    if value == 0:
        return "0"
    text = f"{value:.2e}" if not 1e-4 <= abs(value) < 1e5 else f"{value:#.4g}".rstrip(".")
    digits, _, exponent = text.partition("e")
    if exponent:
        digits += f"e{int(exponent):+d}"
    return digits.replace("-", "−", 1) if value < 0 else digits


def softmax(x, temperature=1.0):
    e = np.exp((x - x.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def bits(weights):
    logs = np.log2(weights, where=weights > 0, out=np.zeros_like(weights))
    return -(weights * logs).sum(-1)


def site(trace, place=PLACE, layer=LAYER):
    stack, name = place.split(".")
    return f"{stack}.{layer - 1}.{name}"


def stage_values(trace, stage, place=PLACE, layer=LAYER, head=HEAD):
    """A stage of one head as float64; layer and head count from 1."""
    name = site(trace, place, layer)
    if stage in ("x_q", "x_kv"):
        return trace[trace[f"{name}.{'q' if stage == 'x_q' else 'k'}"].of[0]].value.astype(float)
    if stage == "concat":
        z = trace[f"{name}.z"].value.astype(float)
        return z.transpose(1, 0, 2).reshape(z.shape[1], -1)
    value = trace[f"{name}.{stage}"].value.astype(float)
    return value if stage == "out" else value[head - 1]


def cell_of(title):
    """ "scores[3, 5]" → ("scores", 2, 4)."""
    stage, row, column = re.fullmatch(r"(\w+)\[(\d+), (\d+)\]", title).groups()
    return stage, int(row) - 1, int(column) - 1


def heaviest(weights, share):
    """Cells, heaviest first, that together hold the share."""
    order = np.argsort(-weights.ravel(), kind="stable")
    order = order[weights.ravel()[order] > 0]
    mass = np.concatenate([[0], np.cumsum(weights.ravel()[order])])
    return order[: int(np.argmax(mass >= share * mass[-1] - 1e-12))]


# What the screen says


def board(page):
    return page.locator(".board")


def open_view(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def open_inside(page):
    open_view(page, "Inside this head")
    expect(page.locator(".formula .result")).to_be_visible()
    expect(page.locator(".check")).to_contain_text("recomputed")


def point(page, stage, *places):
    """Point at places of a panel, in pixels from its corner: what the strip says at each."""
    return board(page).evaluate(POINT, [stage, places or [(1, 1)], HEADER])


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


REFUSED = set()
"""Pages that may be refused numbers: Chromium logs an error for each answer of status 400."""


def may_be_refused(page):
    """What this page asks for from now on may make no sense."""
    REFUSED.add(page)


def requests_of(page, what):
    """A list that fills up with the addresses that the page asks for."""
    asked = []
    wanted = f"/numbers/{what}"
    page.on("request", lambda request: asked.append(request.url) if wanted in request.url else None)
    return asked


def quiet(times):
    """The fastest tenth's slowest: what it costs where nobody else wants the machine."""
    return sorted(times)[len(times) // 10]


def assert_no_sideways_scroll(page, width):
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0
