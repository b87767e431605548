"""Back and Forward: another place, tab, side or sentence makes one entry; a cursor makes none."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import IDLE
from tests.helpers.head import SENTENCE, open_view
from tests.helpers.screen import all_told, link

OTHER = "A dog runs."


def opened(page):
    page.locator(".instrument:not(.map)").first.wait_for()
    page.locator(".chip").first.wait_for()
    rest(page)


def there(page):
    opened(page)
    page.locator(".instrument .check.right, .instrument .check.wrong").first.wait_for()


def rest(page):
    """Wait until neither the page nor the server has more to say."""
    all_told(page)
    page.locator(IDLE).wait_for()


def entries(page):
    rest(page)
    return page.evaluate("history.length")


def door(page, block):
    return page.locator(f".map [data-block='{block}']")


def box_of(page):
    return page.get_by_role("textbox", name="English sentence")


def type_(page, text):
    box_of(page).fill(text)
    box_of(page).press("Enter")


def expect_sentence(page, glass, text):
    """The box, the chips and the link say this sentence."""
    expect(box_of(page)).to_have_value(text)
    translation = glass.translate(text, glass.decoding.beam)
    tokens = [glass.tokenizer.readable(step.id) for step in translation.steps]
    expect(page.locator(".chip > .token")).to_have_text(tokens)
    rest(page)
    assert link(page)["text"] == text


def expect_place(page, block, title):
    expect(page.locator(".map [aria-current=true]")).to_have_attribute("data-block", block)
    expect(page.locator(".instrument .title").first).to_have_text(re.compile(title))
    rest(page)


@pytest.fixture(scope="module")
def output(visit_once, zoo):
    """A page at the output that tests share."""
    return visit_once(zoo, until=there, text=SENTENCE, place="output", step=2)


@pytest.fixture
def page(output):
    door(output, "output").click()
    open_view(output, "Words")
    expect_place(output, "output", "^Output, step")
    return output


CHOICES = {
    "another place": lambda page: door(page, "encoder.ffn").click(),
    "another tab": lambda page: open_view(page, "Who added what"),
    "another sentence": lambda page: type_(page, OTHER if box_of(page).input_value() != OTHER else SENTENCE),
    "an example": lambda page: page.locator(".st-key-examples button").nth(1).click(),
    "another beam": lambda page: page.get_by_role("button", name=re.compile("^Show ")).click(),
}
CURSORS = {
    "a step": lambda page: page.locator(".step[data-step='3']").click(),
    "pinning": lambda page: page.locator(".bar-row[data-rank='4'] .prob").click(),
    "a pinned cursor": lambda page: page.locator(".bars").press("ArrowDown"),
    "freeing": lambda page: page.locator(".bars").press("Escape"),
    "a knob": lambda page: page.get_by_role("slider", name="top-k", exact=True).fill("8"),
    "the open place again": lambda page: door(page, "output").click(),
    "another layer": lambda page: page.locator(".map [data-layer='1']").click(),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_another_picture_makes_exactly_one_entry(page, choice):
    before, said = entries(page), page.url
    CHOICES[choice](page)
    page.wait_for_function("(said) => location.href !== said", arg=said)
    assert entries(page) == before + 1


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_makes_no_entry(page, cursor):
    before = entries(page)
    CURSORS[cursor](page)
    assert entries(page) == before


def test_another_side_makes_exactly_one_entry(visit, zoo):
    page = visit(zoo, until=there, text=SENTENCE, place="positions")
    before = entries(page)
    door(page, "decoder.pos").click()
    assert entries(page) == before + 1
    assert link(page)["side"] == "target"
    page.go_back()
    expect(door(page, "encoder.pos")).to_have_attribute("aria-current", "true")


def test_back_returns_to_the_former_place_and_tab_and_forward_goes_on(visit, zoo, zoo_glass):
    glass = zoo_glass("en-de")
    page = visit(zoo, until=there, text=SENTENCE, place="output", step=3)
    open_view(page, "After each layer")
    rest(page)
    door(page, "encoder.ffn").click()
    expect_place(page, "encoder.ffn", "^Encoder feed-forward")
    page.go_back()
    expect_place(page, "output", "^Output, step 3")
    tab = page.get_by_role("tab", name="After each layer", exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")
    page.go_back()
    words = page.get_by_role("tab", name="Words", exact=True)
    expect(words).to_have_attribute("aria-selected", "true")
    expect_place(page, "output", "^Output, step 3")
    expect_sentence(page, glass, SENTENCE)
    page.go_forward()
    expect(tab).to_have_attribute("aria-selected", "true")
    page.go_forward()
    expect_place(page, "encoder.ffn", "^Encoder feed-forward")
    expect(page.locator(".ffn .check")).to_have_class("check right")


def test_back_returns_to_the_former_sentence_with_its_picture_and_forward_goes_on(visit, zoo, zoo_glass):
    glass = zoo_glass("en-de")
    page = visit(zoo, until=there, text=SENTENCE, place="output", step=3)
    column = page.locator(".rows [data-part].prob")
    shown = column.all_inner_texts()
    type_(page, OTHER)
    expect_sentence(page, glass, OTHER)
    expect(column).not_to_have_text(shown)
    page.go_back()
    expect_sentence(page, glass, SENTENCE)
    expect(column).to_have_text(shown)
    expect_place(page, "output", "^Output, step 3")
    page.go_forward()
    expect_sentence(page, glass, OTHER)
    assert link(page)["place"] == "output"


def test_what_is_chosen_after_a_sentence_was_typed_belongs_to_that_sentence(visit, zoo, zoo_glass):
    """Typing and choosing a place before the server has answered: each has its entry."""
    glass = zoo_glass("en-de")
    page = visit(zoo, until=there, text=SENTENCE, place="output")
    before = entries(page)
    type_(page, OTHER)
    door(page, "encoder.ffn").click()
    expect_sentence(page, glass, OTHER)
    expect_place(page, "encoder.ffn", "^Encoder feed-forward")
    assert entries(page) == before + 2
    page.go_back()
    expect_place(page, "output", "^Output")
    expect_sentence(page, glass, OTHER)
    page.go_back()
    expect_sentence(page, glass, SENTENCE)


def test_back_never_leaves_the_app_while_it_has_entries_of_its_own(visit, zoo, zoo_glass):
    glass = zoo_glass("en-de")
    page = visit(zoo, until=there, text=SENTENCE, place="tokens")
    first = entries(page)
    for block, title in (("output", "^Output"), ("encoder.ffn", "^Encoder feed-forward")):
        door(page, block).click()
        expect_place(page, block, title)
    type_(page, OTHER)
    expect_sentence(page, glass, OTHER)
    made = entries(page) - first
    assert made == 3
    for _ in range(made):
        page.go_back()
        rest(page)
    assert page.url.startswith(zoo)
    expect(page.locator(".map [aria-current=true]")).to_have_attribute("data-block", "encoder.embed")
    expect_sentence(page, glass, SENTENCE)
    assert entries(page) == first + made, "going back makes no entry of its own"


REFERENCE = "Wo ist der Hund?"


def reference_of(page):
    return page.get_by_role("textbox", name="Reference translation")


def test_a_reference_leaves_with_its_sentence_and_comes_back_with_it(visit, zoo):
    page = visit(zoo, until=opened, text=SENTENCE, place="decoding", tab="forcing", reference=REFERENCE)
    expect(reference_of(page)).to_have_value(REFERENCE)
    type_(page, OTHER)
    expect(reference_of(page)).not_to_have_value(REFERENCE)
    rest(page)
    assert "reference" not in link(page)
    assert link(page)["tab"] == "forcing"
    page.go_back()
    expect(reference_of(page)).to_have_value(REFERENCE)
    rest(page)
    assert link(page)["reference"] == REFERENCE
    page.go_forward()
    expect(reference_of(page)).not_to_have_value(REFERENCE)
    rest(page)
    assert "reference" not in link(page)


def test_a_branch_leaves_with_its_sentence_and_comes_back_with_it(visit, zoo):
    page = visit(zoo, until=opened, text=SENTENCE, place="decoding", step=2)
    lanes = page.locator(".play-lane-head")
    page.locator(".play-words [data-rank='1']").click()
    expect(lanes).to_have_count(2)
    forced = link(page)["forced"]
    type_(page, OTHER)
    expect(lanes).to_have_count(1)
    rest(page)
    assert not {"forced", "branch"} & set(link(page))
    page.go_back()
    expect(lanes).to_have_count(2)
    rest(page)
    assert link(page)["forced"] == forced


@pytest.mark.parametrize("place", ["decoding", "tokens"])
def test_only_a_sentence_that_reads_otherwise_takes_its_reference_along(visit, zoo, place):
    page = visit(zoo, until=opened, text=SENTENCE, place=place, tab="forcing", reference=REFERENCE)
    type_(page, SENTENCE.replace(" ", "\u00a0", 1))
    rest(page)
    assert link(page)["reference"] == REFERENCE
    type_(page, OTHER)
    page.wait_for_function("() => !location.search.includes('reference')")
    rest(page)
    assert "reference" not in link(page)
