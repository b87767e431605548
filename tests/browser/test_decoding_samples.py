"""Samples on the screen: the table against NumPy, knobs, the strip, keys, the link."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.asked import answer
from tests.helpers.head import SENTENCE, number_text
from tests.helpers.screen import link
from tests.unit.viz.test_decoding_samples import asked_for, sequences

ASKED = {"samples": "30", "temperature": "0.2", "top_k": "4", "seed": "7"}
ROWS = """
(body) => [...body.children].map((row) => [...row.querySelectorAll(
  ".samples-count b, .samples-share, .samples-probability, .samples-text > span:first-child, " +
  ".samples-logp, .samples-mean"
)].map((cell) => cell.textContent))
"""
NOT_BUSY = ".samples-figure[aria-busy=false]"


@pytest.fixture(scope="module")
def asked(zoo_glass):
    return answer(zoo_glass("en-de"), SENTENCE)


def there(page):
    page.locator(".samples-figure tbody tr").first.wait_for()


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    return visit_once(zoo, until=there, text=SENTENCE, place="decoding", tab="samples", **ASKED)


@pytest.fixture
def page(open_page):
    """The page that tests share, with the knobs that its link asked for."""
    open_page.get_by_role("tab", name="Samples", exact=True).click()
    set_knobs(open_page, **ASKED, top_p="1")
    figure(open_page).focus()
    open_page.keyboard.press("Escape")
    open_page.keyboard.press("Home")
    return open_page


def figure(page):
    return page.locator(".samples-figure")


def set_knobs(page, **values):
    """Turn the knobs and wait for the draw."""
    for name, value in values.items():
        page.locator(f"[data-knob={name}]").fill(value)
    page.get_by_role("button", name="Draw", exact=True).click()
    page.locator(NOT_BUSY).wait_for()


def prob_text(p):
    return number_text(p) if 0 < p < 0.001 else f"{p:.4f}"


def expected(asked, **values):
    """Every row of the table as it should read."""
    header, arrays = asked_for(asked, **(ASKED | values))
    total, rows = arrays["counts"].sum(), []
    for i, count in enumerate(arrays["counts"]):
        log_p, log_q = (sequences(arrays, name)[i].astype(float) for name in ("log_probs", "drawn_log_probs"))
        share, probability = count / total, np.exp(log_q.sum())
        text = header["texts"][i] or "(says nothing)"
        texts = [f"{count}×", prob_text(share), prob_text(probability), text]
        rows.append([*texts, number_text(log_p.sum()), number_text(log_p.mean())])
    return rows


def expect_rows(page, rows):
    expect(page.locator(".samples-figure tbody tr")).to_have_count(len(rows))
    assert page.locator(".samples-figure tbody").evaluate(ROWS) == rows


def strip(page):
    return page.locator(".decoding .formula b").first.inner_text(), page.locator(
        ".decoding .formula .result"
    ).inner_text()


def test_the_table_lists_what_was_drawn_as_numpy_has_it(page, asked):
    rows = expected(asked)
    assert len(rows) > 3 and rows[0][0] != "1×"
    expect_rows(page, rows)
    summary = page.locator(".samples-summary")
    expect(summary).to_contain_text(f"30 samples, {len(rows)} distinct; the most frequent {rows[0][0]};")
    greedy = asked_for(asked, **ASKED)[0]["greedy"]
    expect(page.locator(".samples-badge.greedy")).to_have_count(sum(greedy))
    said = f"drawn {rows[greedy.index(True)][0].replace('×', ' times')}" if any(greedy) else "was not drawn"
    expect(summary).to_contain_text(said.replace("1 times", "once") if said == "drawn 1 times" else said)


def test_turning_a_knob_draws_again_and_tells_the_link(page, asked):
    page.locator("[data-knob=temperature]").fill("1.5")
    page.locator("[data-knob=top_p]").fill("0.6")
    rows = expected(asked, temperature="1.5", top_p="0.6")
    expect(page.locator(".samples-probability").first).to_have_text(rows[0][2])
    expect_rows(page, rows)
    found = link(page)
    names = ("temperature", "top_k", "top_p", "samples", "seed", "tab", "place")
    assert [found.get(name) for name in names] == ["1.5", "4", "0.6", "30", "7", "samples", "decoding"]
    set_knobs(page, temperature="1", top_k="101", samples="20", seed="1", top_p="1")
    assert not {"temperature", "top_k", "top_p", "samples", "seed"} & set(link(page))
    expect(page.locator(".samples-caption")).to_contain_text("q = p, uncut")
    expect_rows(page, expected(asked, temperature="1", top_k="0", samples="20", seed="1"))
    set_knobs(page, temperature="1.5")
    expect(page.locator(".samples-caption")).to_contain_text(
        "q = softmax(logits / temperature) (temperature 1.5)"
    )


def test_another_seed_draws_others_and_the_same_one_the_same(page, asked):
    first = page.locator(".samples-figure tbody").evaluate(ROWS)
    page.get_by_role("button", name="Another seed").click()
    expect(page.locator("[data-knob=seed]")).to_have_value("8")
    page.wait_for_function("new URLSearchParams(location.search).get('seed') === '8'")
    page.locator(NOT_BUSY).wait_for()
    other = expected(asked, seed="8")
    assert other != first
    expect_rows(page, other)
    set_knobs(page, seed="7")
    expect_rows(page, first)


def test_hover_and_keys_show_each_numbers_arithmetic_and_tell_the_server_nothing(page, asked):
    rows = expected(asked)
    now = page.evaluate("performance.now()")
    page.wait_for_function("(now) => performance.now() - Math.max(now, ...window.sentAt) > 700", arg=now)
    before = page.evaluate("window.sentAt.length")
    for name, column in (("share", 1), ("probability", 2), ("logp", 4), ("mean", 5)):
        page.locator(f".samples-figure tr[data-row='2'] .samples-{name}").hover()
        shown = strip(page)[1]
        assert float(shown.replace("−", "-")) == pytest.approx(
            float(rows[2][column].replace("−", "-")), rel=1e-3, abs=1e-4
        )
    figure(page).focus()
    page.keyboard.press("ArrowDown")
    assert strip(page)[1] == rows[3][5]
    page.keyboard.press("ArrowLeft")
    assert strip(page) == (f"log P of “{rows[3][3]}”", rows[3][4])
    page.keyboard.press("Enter")
    page.locator(".samples-figure tr[data-row='0'] .samples-share").hover()
    assert strip(page)[1] == rows[3][4]
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    assert strip(page)[1] == rows[-1][4]
    assert page.evaluate("window.sentAt.length") == before


def test_the_strips_terms_are_the_steps_and_its_snippet_prints_the_number(page, asked):
    _, arrays = asked_for(asked, **ASKED)
    page.locator(".samples-figure tr[data-row='1'] .samples-logp").hover()
    if (more := page.get_by_role("button", name=re.compile("All .* terms"))).is_visible():
        more.click()
    terms = page.locator(".decoding .terms .term:not(.sum-term) b").all_inner_texts()
    assert terms == [number_text(p) for p in sequences(arrays, "log_probs")[1]]
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    for name in ("probability", "logp", "mean"):
        page.locator(f".samples-figure tr[data-row='1'] .samples-{name}").hover()
        shown = float(strip(page)[1].replace("−", "-"))
        page.get_by_role("button", name="Copy as NumPy").click()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(page.get_by_role("textbox", name="NumPy snippet").input_value(), {})
        assert float(printed.getvalue()) == pytest.approx(shown, rel=1e-3)


def test_a_row_opens_as_a_branch_in_the_first_tab(page, asked):
    limit, hot = asked[0].config.max_tgt_len, {"temperature": "2", "top_k": "0", "samples": "50"}
    draws = ((str(seed), asked_for(asked, **hot, seed=str(seed))[1]) for seed in range(1, 100))
    seed, arrays = next((seed, arrays) for seed, arrays in draws if arrays["lengths"].min() < limit)
    set_knobs(page, **hot | {"top_k": "101"}, seed=seed)
    lengths = arrays["lengths"].tolist()
    buttons = page.locator(".samples-figure tbody").get_by_role("button")
    expect(buttons).to_have_count(len(lengths))
    disabled = buttons.evaluate_all("(all) => all.map((button) => button.disabled)")
    assert disabled == [length == limit for length in lengths]
    row = disabled.index(False)
    buttons.nth(row).click()
    expect(page.get_by_role("tab", name="Step by step")).to_have_attribute("aria-selected", "true")
    drawn = ".".join(map(str, sequences(arrays, "ids")[row]))
    assert link(page)["forced"].split("_")[-1] == drawn


def test_a_phone_needs_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').clientWidth <= 390")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    inside = figure(page).evaluate("(node) => [node.scrollWidth, node.clientWidth]")
    assert inside[0] <= inside[1]
    page.set_viewport_size({"width": 1280, "height": 720})


def test_a_link_out_of_range_comes_into_range(visit, zoo, asked):
    wild = {"temperature": "9", "top_k": "0", "top_p": "-3", "samples": "500", "seed": "x"}
    page = visit(zoo, until=there, text=SENTENCE, place="decoding", tab="samples", **wild)
    knobs = {name: page.locator(f"[data-knob={name}]").input_value() for name in wild}
    assert knobs == {"temperature": "2", "top_k": "1", "top_p": "0.05", "samples": "50", "seed": "1"}
    expect_rows(page, expected(asked, temperature="2", top_k="1", top_p="0.05", samples="50", seed="1"))
    expect(page.locator(".samples-count b")).to_have_text("50×")
    expect(page.locator(".samples-notice")).to_have_text(
        "temperature 9 is out of range: it runs from 0.1 to 2. "
        "top-k 0 is out of range: it runs from 1 to 100. "
        "top-p -3 is out of range: it runs from 0.05 to 1. "
        "samples 500 is out of range: it runs from 1 to 50. "
        "The link's seed is “x”, which is no number."
    )
    page.get_by_role("button", name="Another seed").click()
    expect(page.locator(".samples-notice")).to_be_hidden()
