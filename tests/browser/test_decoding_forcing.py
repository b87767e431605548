"""Teacher forcing on the screen: both lanes against NumPy, references typed, one pass and steps."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model import card
from tests.browser.test_decoding_samples import prob_text, strip
from tests.helpers.asked import answer
from tests.helpers.head import SENTENCE, may_be_refused, number_text
from tests.helpers.screen import link
from tests.unit.viz.test_decoding_forcing import asked_for

TYPED = "Wo ist der Hund?"
CELLS = """
(node, what) => [...node.querySelectorAll(`[data-what=${what}]`)]
  .map((cell) => cell.textContent).filter(Boolean)
"""


@pytest.fixture(scope="module")
def asked(zoo_glass):
    return answer(zoo_glass("en-de"), SENTENCE)


def there(page):
    page.locator(".forcing-band").first.wait_for()


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    return visit_once(zoo, until=there, text=SENTENCE, place="decoding", tab="forcing", reference=TYPED)


@pytest.fixture
def page(open_page):
    """The page that tests share: TYPED is scored, the losses are shown, nothing is pinned."""
    use(open_page, TYPED)
    expect(open_page.locator(".decoding .trouble")).to_be_hidden()
    open_page.get_by_role("button", name="Loss", exact=True).click()
    lanes(open_page).focus()
    open_page.keyboard.press("Escape")
    open_page.keyboard.press("Home")
    return open_page


def lanes(page):
    return page.locator(".forcing-lanes")


def use(page, text):
    page.get_by_role("textbox", name="Reference translation").fill(text)
    page.get_by_role("button", name="Score it").click()


def cells(page, what):
    return lanes(page).evaluate(CELLS, what)


def hover(page, what, step):
    lanes(page).locator(f"[data-what={what}][data-step='{step}']").hover()


def test_both_lanes_show_every_steps_numbers_as_numpy_has_them(page, asked):
    header, arrays = asked_for(asked, reference=TYPED)
    token = header["tokens"]
    logs, best, own = (
        arrays[name].astype(float) for name in ("log_probs", "best_log_probs", "own_log_probs")
    )
    assert cells(page, "token") == [token[str(i)] for i in arrays["ids"]]
    assert cells(page, "p") == [prob_text(p) for p in np.exp(logs)]
    assert cells(page, "rank") == [f"{rank:,}" for rank in arrays["ranks"]]
    assert cells(page, "loss") == [number_text(-p) for p in logs]
    words = zip(arrays["best_ids"], arrays["ranks"], strict=True)
    assert cells(page, "best") == ["the same" if rank == 1 else token[str(i)] for i, rank in words]
    assert cells(page, "bestP") == [prob_text(p) for p in np.exp(best)]
    assert cells(page, "ownToken") == [token[str(i)] for i in arrays["own_ids"]]
    assert cells(page, "ownP") == [prob_text(p) for p in np.exp(own)]
    totals = page.locator(".forcing-totals b").all_inner_texts()
    values = (-logs.mean(), np.exp(-logs.mean()), logs.sum(), own.sum())
    assert totals == [number_text(value) for value in values]


def test_the_step_where_the_lanes_part_is_marked(page, asked):
    _, arrays = asked_for(asked, reference=TYPED)
    pairs = zip(arrays["ids"], arrays["own_ids"], strict=False)
    parts = next(t for t, (a, b) in enumerate(pairs) if a != b)
    marked = page.locator(".forcing-cell.parts")
    assert marked.evaluate_all("(all) => all.map((cell) => cell.dataset.step)") == [str(parts)] * 2
    expect(page.locator(".forcing-caption")).to_contain_text(f"They part at step {parts + 1}:")


def test_one_masked_pass_and_the_steps_are_shown_equal(page, asked):
    _, arrays = asked_for(asked, reference=TYPED)
    at_once, stepped = (arrays[name].astype(float) for name in ("log_probs", "step_log_probs"))
    page.get_by_role("button", name="One pass = step by step").click()
    assert cells(page, "one") == [number_text(p) for p in at_once]
    assert cells(page, "stepped") == [number_text(p) for p in stepped]
    assert cells(page, "difference") == [number_text(d) for d in np.abs(at_once - stepped)]
    steps, largest = len(at_once), number_text(np.abs(at_once - stepped).max())
    expect(page.locator(".forcing-caption")).to_contain_text(
        f"1 pass of {steps} rows and {steps} passes of one row"
    )
    expect(page.locator(".forcing-caption")).to_contain_text(f"largest difference {largest} nats")
    hover(page, "difference", 1)
    assert strip(page)[1] == number_text(abs(at_once[1] - stepped[1]))


PASSES = """
async (reference) => (await import("/instruments/decoding/parts/forcing/explain.js")).passesText(reference)
"""


@pytest.mark.parametrize("log", [-0.5, -20])
def test_passes_are_called_equal_only_where_they_are_but_for_rounding(page, log):
    reference = {"ids": [5, 2], "logs": [log, log]}
    size = max(1, abs(log))
    said = page.evaluate(PASSES, {**reference, "differences": [0, 5e-4 * size]})
    assert "give the same ln p but for float32 rounding; largest difference" in said
    for wrong in (5e-3 * size, None):
        said = page.evaluate(PASSES, {**reference, "differences": [wrong or float("nan"), 0]})
        assert "should give the same ln p, and do not: largest difference" in said


def test_hover_and_keys_show_the_arithmetic_and_tell_the_server_nothing(page, asked):
    _, arrays = asked_for(asked, reference=TYPED)
    logs = arrays["log_probs"].astype(float)
    now = page.evaluate("performance.now()")
    page.wait_for_function("(now) => performance.now() - Math.max(now, ...window.sentAt) > 700", arg=now)
    before = page.evaluate("window.sentAt.length")
    hover(page, "loss", 1)
    assert strip(page)[1] == number_text(-logs[1])
    expect(page.locator(".decoding .formula")).to_contain_text(f"−ln {np.exp(logs[1]):.6g}"[:8])
    hover(page, "rank", 2)
    expect(page.locator(".decoding .formula")).to_contain_text(f"tokens = {arrays['ranks'][2]:,};")
    lanes(page).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert strip(page)[1] == number_text(-logs[3])
    page.keyboard.press("Enter")
    hover(page, "loss", 0)
    assert strip(page)[1] == number_text(-logs[3])
    page.keyboard.press("Escape")
    hover(page, "loss", 0)
    assert strip(page)[1] == number_text(-logs[0])
    assert page.evaluate("window.sentAt.length") == before


def shown_and_put_into(page, function):
    """The strip's number, and the number that it was made from by `function`."""
    formula = page.locator(".decoding .formula").inner_text().replace("−", "-")
    made_from = re.search(rf"= {function}[ (](-?[\d.]+(e[+-]?\d+)?)", formula).group(1)
    return float(strip(page)[1].replace("−", "-")), float(made_from)


def test_the_arithmetic_beside_a_loss_gives_its_digits(page, asked):
    _, arrays = asked_for(asked, reference=TYPED)
    for step in range(len(arrays["ids"])):
        hover(page, "loss", step)
        loss, p = shown_and_put_into(page, "-ln")
        assert -np.log(p) == pytest.approx(loss, rel=1e-4, abs=5.1e-4 if loss > 1 else 5.1e-5)
    page.locator(".forcing-total[data-what=perplexity]").hover()
    perplexity, loss = shown_and_put_into(page, "exp")
    assert np.exp(loss) == pytest.approx(perplexity, rel=6e-4)


def test_the_totals_snippets_print_their_numbers(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    for total in page.locator(".forcing-total").all():
        total.hover()
        assert strip(page)[1] == total.locator("b").inner_text()
        page.get_by_role("button", name="Copy as NumPy").click()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(page.get_by_role("textbox", name="NumPy snippet").input_value(), {})
        shown = float(strip(page)[1].replace("−", "-"))
        assert float(printed.getvalue()) == pytest.approx(shown, rel=1e-3)


def test_a_reference_typed_with_enter_is_in_the_link_and_the_first_one_comes_back(page, asked):
    assert link(page)["reference"] == TYPED
    box = page.get_by_role("textbox", name="Reference translation")
    box.fill("the dogs <b>")
    box.press("Enter")
    header, arrays = asked_for(asked, reference="the dogs <b>")
    expect(lanes(page).locator("[data-what=token]").first).to_have_text(
        header["tokens"][str(arrays["ids"][0])]
    )
    assert link(page)["reference"] == "the dogs <b>"
    page.get_by_role("button", name="First reference").click()
    first, _ = asked_for(asked)
    expect(page.locator(".forcing-origin")).to_have_text("the model's own translation")
    expect(box).to_have_value(first["reference"])
    assert "reference" not in link(page)


def test_an_example_comes_with_its_reference_and_says_whose_it_is(visit, app, glass):
    said = {"corpus": "from the corpus (Tatoeba)", "ours": "our own translation"}
    example = next(each for each in card.examples(glass.card) if each.accept)
    page = visit(app, until=there, text=example.text, place="decoding", tab="forcing")
    expect(page.get_by_role("textbox", name="Reference translation")).to_have_value(example.accept[0])
    expect(page.locator(".forcing-origin")).to_have_text(said[example.origin])


@pytest.mark.parametrize(
    ("text", "said"),
    [("   ", "The reference is empty: type some words."), ("Hund " * 40, "The reference has")],
    ids=["empty", "too long"],
)
def test_what_cannot_be_scored_gets_a_sentence_and_the_last_picture_stays(page, text, said):
    may_be_refused(page)
    before = cells(page, "loss")
    use(page, text)
    expect(page.locator(".decoding .trouble")).to_contain_text(said)
    expect(page.locator(".decoding .trouble")).to_contain_text(f"Shown below: “{TYPED}”.")
    assert cells(page, "loss") == before
    assert link(page)["reference"] == TYPED


def test_a_phone_needs_no_sideways_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').clientWidth <= 390")
    expect(page.locator(".forcing-band")).not_to_have_count(1)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    cut_off = "(all) => all.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length"
    assert lanes(page).locator(".forcing-cell").evaluate_all(cut_off) == 0
    page.set_viewport_size({"width": 1280, "height": 720})
