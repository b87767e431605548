"""Back through several places: the page of each comes again, however often it was sent."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import settle
from tests.helpers.head import SENTENCE
from tests.helpers.screen import link

PLACES = ("encoder.self_attn", "decoder.self_attn", "decoder.cross_attn")


def test_back_leads_through_every_place_that_was_open(visit, zoo):
    """Each step back asks the server for two runs at once, of the page and of what the link says."""
    page = visit(zoo, text=SENTENCE, place=PLACES[0], layer=2)
    titles = [page.locator(".attention .title").inner_text()]
    for place in PLACES[1:]:
        page.locator(f".map [data-block='{place}']").click()
        settle(page)
        titles.append(page.locator(".attention .title").inner_text())
    for _ in range(2):
        for title, place in list(zip(titles, PLACES, strict=True))[-2::-1]:
            page.go_back()
            expect(page.locator(".attention .title")).to_have_text(title)
            settle(page)
            assert link(page)["place"] == place
        for title in titles[1:]:
            page.go_forward()
            expect(page.locator(".attention .title")).to_have_text(title)
            settle(page)
