"""The cache's tab: the picture follows the step, its numbers are NumPy's and the model's; link, phone."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model import counts
from tests.helpers.head import PHONE, SENTENCE, number_text
from tests.helpers.messages import unpack
from tests.helpers.screen import all_told, link
from viz.instruments import pack

LAYER, HEAD, STEP = 2, 3, 3

# Points along the middle of a row (from 0), pixel by pixel; gives what the strip says there,
# with its value where it has one.
ALONG = """
(node, [row, rows]) => {
  const root = node.getRootNode();
  const said = {};
  for (let x = 0; x < node.clientWidth; x++) {
    const box = node.getBoundingClientRect();
    const height = (box.height - 27) / rows;
    const at = { clientX: box.left + x, clientY: box.top + 24 + (row + 0.5) * height };
    node.dispatchEvent(new PointerEvent("pointermove", at));
    const result = root.querySelector(".formula .result");
    const title = root.querySelector(".formula b") ?? root.querySelector(".formula");
    said[title.textContent] = result?.textContent;
  }
  return said;
}
"""


def there(page):
    """The picture, the check and the times are here."""
    page.locator(".cache-part .check.right, .cache-part .check.wrong").wait_for()
    page.locator(".cache-table.timed").wait_for()


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    asked = {"place": "decoding", "tab": "cache", "layer": LAYER, "head": HEAD, "step": STEP}
    return visit_once(zoo, until=there, text=SENTENCE, **asked)


@pytest.fixture
def page(open_page):
    """The page that tests share: masked self-attention at STEP, nothing pinned."""
    open_page.get_by_role("button", name="Masked self-attention", exact=True).click()
    open_page.locator("select[aria-label=Layer]").select_option(str(LAYER))
    rows(open_page).focus()
    for key in ("Escape", "Escape", "Home", *["ArrowRight"] * (STEP - 1)):
        open_page.keyboard.press(key)
    open_page.mouse.move(2, 2)
    expect(open_page.locator(".cache-step")).to_contain_text(f"Step {STEP} of")
    name = f"Masked self-attention, layer {LAYER}, head {HEAD}: keys and values"
    expect(open_page.get_by_role("figure", name=name, exact=False)).to_be_visible()
    return open_page


@pytest.fixture(scope="module")
def sizes(zoo_glass, zoo_trace):
    """The model, source tokens and steps."""
    return zoo_glass("en-de").model, len(zoo_trace.sides["src"].ids), len(zoo_trace.predicts)


def rows(page):
    return page.locator(".cache-rows")


def whole(text):
    return int(text.replace(",", ""))


def cell(page, row, way):
    return page.locator(f".cache-table tr[data-row={row}] td[data-way={way}]")


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def costs(sizes, step):
    """Multiply–adds of a step (from 1), with and without a cache."""
    model, n_src, _ = sizes
    return {
        "cached": counts.total(counts.cached_step(model, {"src": n_src}, step), model.anatomy),
        "uncached": counts.total(counts.uncached_step(model, {"src": n_src}, step), model.anatomy),
    }


def test_counts_on_screen_are_the_models(page, sizes):
    steps = sizes[2]
    for way in ("cached", "uncached"):
        each = [costs(sizes, step)[way] for step in range(1, steps + 1)]
        assert whole(cell(page, "step", way).inner_text()) == each[STEP - 1]
        assert whole(cell(page, "sum", way).inner_text()) == sum(each[:STEP])
        assert whole(cell(page, "all", way).inner_text()) == sum(each)
    ratio = costs(sizes, STEP)["uncached"] / costs(sizes, STEP)["cached"]
    expect(page.locator("tr[data-row=step] .ratio")).to_have_text(f"{ratio:.1f}×")
    expect(page.locator(".rows-cached")).to_have_text(f"{STEP} rows")
    expect(page.locator(".rows-uncached")).to_have_text(f"{STEP * (STEP + 1) // 2} rows")


def test_terms_of_a_count_say_what_they_multiply_and_sum_to_it(page, sizes):
    for step in (1, STEP):
        for _ in range(STEP - 1 if step == 1 else 0):
            page.keyboard.press("ArrowLeft")
        for _ in range(STEP - 1 if step == STEP else 0):
            page.keyboard.press("ArrowRight")
        for way in ("cached", "uncached"):
            cell(page, "step", way).hover()
            if page.get_by_role("button", name="All 4 terms").is_visible():
                page.get_by_role("button", name="All 4 terms").click()
            terms = page.locator(".term:not(.sum-term)").all_inner_texts()
            assert len(terms) == 4
            total = 0
            for term in terms:
                text, shown = re.fullmatch(r"\D*?(?=\d)(.*) / 10⁶ = (\S+)", term.replace("\n", "")).groups()
                count = eval(text.replace("×", "*").replace("²", "**2"))
                assert shown == number_text(count / 1e6)
                total += count
            assert total == costs(sizes, step)[way]
            title, result = strip(page)
            assert f"step {step} " in title
            assert result == number_text(total / 1e6)
        rows(page).focus()


def test_every_key_and_value_that_is_there_is_the_traces(page, zoo_trace, sizes):
    model, _, steps = sizes
    rows(page).evaluate(ALONG, [0, steps])
    expect(page.locator(".formula")).to_contain_text("Σ_d")
    for row in range(STEP):
        said = rows(page).evaluate(ALONG, [row, steps])
        for letter in "kv":
            entry = zoo_trace[f"decoder.{LAYER - 1}.self_attn.{letter}"].value[HEAD - 1, row]
            for feature in range(model.config.d_head):
                assert said[f"{letter}[{row + 1}, {feature + 1}]"] == number_text(entry[feature])
    later = rows(page).evaluate(ALONG, [STEP, steps])
    assert not any(name.startswith(("k[", "v[")) and value for name, value in later.items())
    assert any(f"Step {STEP + 1} computes it" in name for name in later)


def test_a_pinned_number_is_in_the_link_and_its_snippet_prints_it(page, zoo_trace):
    for key in ("ArrowUp", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".formula")).to_contain_text("Σ_d")
    value = zoo_trace[f"decoder.{LAYER - 1}.self_attn.k"].value[HEAD - 1, STEP - 2, 1]
    assert strip(page) == (f"k[{STEP - 1}, 2]", number_text(value))
    assert link(page)["cell"] == f"k.{STEP - 1}.2"
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy as NumPy").click()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(page.get_by_role("textbox", name="NumPy snippet").input_value(), {})
    assert float(printed.getvalue()) == pytest.approx(float(value), abs=1e-5)
    rows(page).focus()
    page.keyboard.press("Escape")
    assert "cell" not in link(page)


def test_half_a_pin_is_completed_with_a_notice(visit, zoo):
    page = visit(zoo, until=there, text=SENTENCE, place="decoding", tab="cache", cell="v.1", step=2)
    assert strip(page)[0] == "v[1, 1]"
    expect(page.locator(".st-key-notices")).to_contain_text("does not say its feature.")


def test_the_picture_follows_the_step_and_says_what_is_new(page, sizes):
    _, n_src, steps = sizes
    caption = page.locator(".cache-caption")
    expect(caption).to_contain_text(f"computes row {STEP} in all 3 layers; rows 1 to {STEP - 1} are re-used.")
    before = rows(page).locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()")
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text(f"computes row {STEP + 1} in all 3 layers")
    assert rows(page).locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()") != before
    assert link(page)["step"] == str(STEP + 1)
    page.keyboard.press("End")
    expect(page.locator(".cache-step")).to_have_text(f"Step {steps} of {steps}")
    page.get_by_role("button", name="Cross-attention", exact=True).click()
    expect(caption).to_have_text(
        f"Step 1 computed rows 1 to {n_src}; step {steps} re-uses them all and computes none."
    )
    rows(page).focus()
    page.keyboard.press("Home")
    expect(caption).to_have_text(
        f"Step 1 computes rows 1 to {n_src} from the encoder's memory, in all 3 layers."
    )


def test_the_last_step_leaves_the_keys_where_they_were(page, sizes):
    _, _, steps = sizes
    on = page.get_by_role("button", name="One step on")
    for _ in range(steps):
        on.click(force=True)
    expect(page.locator(".cache-step")).to_have_text(f"Step {steps} of {steps}")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cache-step")).to_have_text(f"Step {steps - 1} of {steps}")


def test_a_click_on_a_layers_cell_opens_its_layer_and_step(page):
    box = rows(page).bounding_box()
    for x in range(30, int(box["width"]), 4):
        page.mouse.click(box["x"] + x, box["y"] + 24 + 5)
        if link(page)["layer"] == "1":
            break
    assert (link(page)["layer"], link(page)["step"]) == ("1", "1")
    expect(
        page.get_by_role("figure", name="Masked self-attention, layer 1, head 3", exact=False)
    ).to_be_visible()


def test_the_caches_size_is_the_formulas(page, sizes):
    model, n_src, _ = sizes
    numbers = counts.cached_numbers(model, {"src": n_src}, STEP)
    formula = page.locator(".cache-formula").inner_text()
    assert eval(formula.replace("×", "*").replace("layers", "").replace("source", "")) == sum(
        numbers.values()
    )
    assert whole(page.locator(".cache-numbers").inner_text()) == sum(numbers.values())
    assert whole(page.locator(".cache-bytes").inner_text()) == 4 * sum(numbers.values())


def test_check_and_times_say_what_was_run(page):
    error = re.fullmatch(
        r"cache against full pass: max error (\S+)", page.locator(".cache-part .check").inner_text()
    )
    assert float(error[1]) <= 1e-4
    expect(page.locator(".cache-part .check")).to_have_class("check right")
    times = r"[\d.]+ \([\d.]+–[\d.]+\) ms"
    for way in ("cached", "uncached"):
        assert re.fullmatch(times, cell(page, "time", way).inner_text())
    expect(page.locator("[data-row=time] .ratio")).to_have_text(re.compile(r"^[\d.]+× \([\d.]+–[\d.]+\)$"))
    expect(page.locator(".cache-timing")).to_have_text(
        re.compile(
            r"^Time of encoder and all steps, each operation by itself: median of \d+ interleaved runs "
            r"\(and the range of their middle half\), on this server, [\d:]{8}\."
            r"( Too noisy now to say which is faster\.)?"
            rf" Fused, with the cache, as this page decodes: {times}\.$"
        )
    )


def test_pointing_and_stepping_ask_the_server_for_nothing(page):
    rows(page).evaluate(ALONG, [0, 4])
    expect(page.locator(".formula .result")).to_be_visible()
    all_told(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    before = page.evaluate("window.sentAt.length")
    rows(page).evaluate(ALONG, [1, 4])
    cell(page, "sum", "uncached").hover()
    assert page.evaluate("window.sentAt.length") == before
    rows(page).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cache-caption")).to_contain_text(f"computes row {STEP + 1} in")
    assert not asked


def test_on_a_phone_a_link_is_restored_and_a_wrong_cache_turns_the_badge_red(visit, zoo, zoo_trace):
    def answer(route):
        header, arrays = unpack(route.fetch().body())
        del header["arrays"]
        wrong = {**arrays, "error": np.array([np.nan], dtype=np.float32)}
        route.fulfill(status=200, content_type="application/octet-stream", body=pack(header, wrong))

    asked = {"layer": 3, "head": 1, "step": 2, "cache": "cross_attn", "cell": "v.2.99"}
    page = visit(
        zoo,
        PHONE,
        lambda page: page.route("**/numbers/decoding/cache_check*", answer),
        there,
        **{"text": SENTENCE, "place": "decoding", "tab": "cache", **asked},
    )
    expect(page.locator(".cache-part .check")).to_have_class("check wrong")
    expect(page.locator(".cache-part .check")).to_have_text("cache against full pass: max error not a number")
    expect(page.locator(".formula")).to_contain_text("Σ_d")
    value = zoo_trace["decoder.2.cross_attn.v"].value[0, 1]
    assert strip(page) == (f"v[2, {len(value)}]", number_text(value[-1]))
    expect(page.get_by_role("button", name="Cross-attention", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    inside = page.locator(".cache-table").evaluate("(node) => node.scrollWidth - node.parentNode.clientWidth")
    assert inside <= 0
