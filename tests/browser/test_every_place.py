"""Every block of the map opens, draws and checks itself, for a model of any size and any text."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.helpers.checkpoints import text_of
from tests.helpers.head import PHONE, assert_no_sideways_scroll
from tests.helpers.places import places_of
from tests.helpers.screen import root

TEXTS = {"one token": "a", "emoji and markup": "👩‍👩‍👧 <b>runs</b> & شكرا"}


def expect_drawn(page, place):
    instrument = page.locator(f".instrument.{root(place)}")
    expect(instrument).to_have_count(1)
    expect(instrument.locator(".check:visible")).to_have_class("check right")
    expect(instrument.locator(".check:visible")).to_contain_text("recomputed")
    assert instrument.locator("canvas:visible, svg:visible").count() > 0
    expect(instrument.locator(".trouble:visible")).to_have_count(0)


@pytest.mark.parametrize(
    ("model", "text"), [("one", "one token"), ("wide", "emoji and markup"), ("pre", "emoji and markup")]
)
def test_every_place_is_one_click_away_and_checks_itself(visit, zoo, zoo_glass, model, text):
    page = visit(zoo, model=model, text=TEXTS[text])
    opened = set()
    for door in page.locator(".map button[data-place]").all():
        place = door.get_attribute("data-place")
        door.click()
        expect_drawn(page, place)
        opened.add(place)
    assert opened == set(places_of(zoo_glass(model).config))


def test_no_place_scrolls_sideways_on_a_phone(visit, zoo, zoo_glass):
    long = text_of(zoo_glass("en-de"), 40)
    page = visit(zoo, PHONE, text=long, model="en-de")
    crumb = page.locator(".map .crumb")
    for place in places_of(zoo_glass("en-de").config):
        crumb.tap()
        page.locator(f".map button[data-place='{place}']").first.tap()
        expect_drawn(page, place)
        assert_no_sideways_scroll(page, 390)
