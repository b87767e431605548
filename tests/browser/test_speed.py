"""How long a change inside a head takes, and what it asks of the server."""

from __future__ import annotations

import re
import statistics

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import IDLE
from tests.helpers.checkpoints import text_of
from tests.helpers.head import (
    HEADER,
    ONE_FRAME_MS,
    PLACE,
    SENTENCE,
    board,
    open_inside,
    point,
    quiet,
    requests_of,
)
from tests.helpers.screen import expect_plot

REPEATS = 30
TIME = """
(board, [repeats, header]) => {
  const root = board.getRootNode();
  const box = board.getBoundingClientRect();
  const name = root.querySelector(".stage-name[data-stage=scores]");
  const [x, y] = [parseFloat(name.style.left), parseFloat(name.style.top) + header];
  const press = (key) => board.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const slider = root.querySelector(".knobs input[type=range]");
  const heads = root.querySelectorAll(".head-choice").length;
  const acts = {
    hover: (i) => {
      const at = { clientX: box.left + x + 2 + i, clientY: box.top + y + 2 + i };
      board.dispatchEvent(new PointerEvent("pointermove", at));
    },
    cell: (i) => press(i % 4 < 2 ? "ArrowDown" : "ArrowUp"),
    stage: (i) => press(i % 4 < 2 ? "," : "."),
    knob: (i) => {
      slider.value = i % 2 ? "0.5" : "2.5";
      slider.dispatchEvent(new Event("input"));
    },
    head: (i) => press(String(1 + (i % heads))),
  };
  const work = new Float64Array(200000).fill(1.1);
  const calibrate = () => {
    let sum = 0;
    for (let n = 0; n < 5; n++) for (let i = 0; i < work.length; i++) sum += work[i] * work[i];
    return sum;
  };
  const timed = (act) => {
    const start = performance.now();
    act();
    root.querySelector(".attention").getBoundingClientRect();
    return performance.now() - start;
  };
  for (const act of Object.values(acts)) act(0);
  for (let i = 0; i < 10; i++) calibrate();
  const times = { calibration: [] };
  for (const [name, act] of Object.entries(acts)) {
    times[name] = [];
    for (let i = 0; i < repeats; i++) {
      times[name].push(timed(() => act(i)));
      times.calibration.push(timed(calibrate));
    }
    if (name === "knob") { slider.value = "1"; slider.dispatchEvent(new Event("input")); }
  }
  return times;
}
"""
LAYERS = """
async (board, repeats) => {
  const root = board.getRootNode();
  const times = [];
  const press = (key) => board.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    press(i % 2 ? "PageUp" : "PageDown");
    while (!root.querySelector(".check").textContent) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times;
}
"""


def test_pointing_walking_and_turning_knobs_send_nothing_later_either(visit, zoo):
    page = visit(zoo, text=SENTENCE, place=PLACE, layer=2, head=2)
    sent = page.evaluate("window.sentAt.length")
    open_inside(page)
    point(page, "q")
    expect(page.locator(".strip")).not_to_contain_text("Fetching")
    page.wait_for_function("(sent) => window.sentAt.length > sent", arg=sent)
    page.locator(IDLE).wait_for()
    sent = page.evaluate("window.sentAt.length")
    board(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(".")
    page.get_by_role("slider", name="Temperature").fill("2")
    page.get_by_role("button", name="head 3", exact=True).click()
    at = page.evaluate("performance.now()")
    expect_plot(page, PLACE, 2, 3, "k")
    later = page.evaluate("(sent) => window.sentAt.slice(sent)", sent)
    assert later and min(later) > at, "only the head, after its pause, is told"


def test_another_layer_is_one_request_for_its_exact_numbers_and_coming_back_none(visit, zoo):
    asked = []
    page = visit(zoo, None, lambda page: asked.extend([requests_of(page, "")]), text=SENTENCE, layer=2)
    open_inside(page)
    board(page).focus()
    for key, layers in (("PageDown", [2]), ("PageUp", [2]), ("PageUp", [2, 0])):
        page.keyboard.press(key)
        expect(page.locator(".check")).to_contain_text("recomputed")
        fetched = [int(re.search(r"layer=(\d)", url)[1]) for url in asked[0]]
        assert fetched == [1, *layers]
    assert all("/numbers/attention/exact" in url for url in asked[0])


def measure(visit, app, glass, capsys, n_tokens):
    """Prints the medians; returns each change's time in the quieter moments."""
    page = visit(app, text=text_of(glass, n_tokens), place="encoder.self_attn", layer=2)
    open_inside(page)
    times = board(page).evaluate(TIME, [REPEATS, HEADER])
    loaded = statistics.median(times["calibration"]) / min(times.pop("calibration"))
    layers = board(page).evaluate(LAYERS, 10)
    size = f"{n_tokens}×{n_tokens} tokens (machine × {loaded:.1f})"
    with capsys.disabled():
        print(
            f"\nmedians, {size}: "
            + ", ".join(
                f"{name} {statistics.median(each):.1f} ms"
                for name, each in {**times, "layer": layers}.items()
            )
        )
    return {name: quiet(each) for name, each in times.items()}


@pytest.mark.timed
def test_every_change_inside_a_head_of_20_by_20_tokens_takes_less_than_a_frame(visit, app, glass, capsys):
    calm = measure(visit, app, glass, capsys, 20)
    assert {name: ms for name, ms in calm.items() if ms >= ONE_FRAME_MS} == {}


@pytest.mark.timed
def test_60_tokens_are_measured_too(visit, app, glass, capsys):
    assert set(measure(visit, app, glass, capsys, 60)) == {"hover", "cell", "stage", "knob", "head"}
