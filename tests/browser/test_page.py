"""The whole page in a browser: sentence, translation, themes, sizes, hostile text, headers."""

from __future__ import annotations

import re
import tomllib
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from model import TextError
from tests.browser.conftest import IDLE, REPOSITORY, settle
from tests.helpers.checkpoints import text_of
from tests.helpers.places import SITES
from tests.helpers.screen import (
    PLOT,
    READ_ALL,
    entry_of,
    expect_head,
    expect_picture,
    expect_plot,
    frame,
    link,
    matrix,
    picture,
    shade,
    tab,
    thumb,
    thumbs,
)
from viz import theme
from viz.scene import examples
from viz.server import SECURITY_POLICY

SENTENCE = "Two women are sitting on a bench."
SIZES = {"projector": (1280, 720), "desktop": (1920, 1080), "phone": (390, 844)}
GROUND = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


def box_of(page):
    return page.get_by_role("textbox", name="English sentence")


def type_(page, text):
    box_of(page).fill(text)
    box_of(page).press("Enter")


def said(page):
    """The translation's container."""
    return page.locator(".st-key-said [data-testid=stText]")


def expect_translation(page, glass, text):
    expect(said(page)).to_have_text(
        glass.translate(text, glass.decoding.beam).text or "(the model says nothing)"
    )


def expect_keys(page, glass, text):
    """The figure says as many columns as this text has tokens."""
    n_tokens = len(glass.source_ids(text))
    expect(matrix(page)).to_have_attribute("aria-label", re.compile(f"over {n_tokens} source tokens"))


def middle_layer(glass):
    return glass.config.n_layers // 2 + 1


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


def test_the_first_screen_has_sentence_translation_and_picture(visit, app, glass):
    page = visit(app)
    first = examples(glass)[0]
    expect(box_of(page)).to_have_value(first)
    expect_translation(page, glass, first)
    expect_head(page, "decoder.cross_attn", middle_layer(glass), 1)
    expect_keys(page, glass, first)
    expect_plot(page, "decoder.cross_attn", middle_layer(glass), 1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_at_1280_by_720_all_heads_and_the_large_one_lie_within_the_first_screen(visit, app):
    page = visit(app)
    for part in (page.locator(".bar-of-tabs"), page.locator(".grid"), matrix(page), page.locator(".strip")):
        box = part.bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= 720, part


def test_the_room_for_the_large_head_does_not_depend_on_what_arrives_first(visit, app, glass):
    text = text_of(glass, 20)
    wanted = matrix(visit(app, text=text)).bounding_box()
    held = []

    def hold_chips(page):
        page.route("**/translation/view.js", lambda route: held.append(route))

    def matrix_alone(page):
        page.locator(".matrix[aria-label]").wait_for()

    with_late_chips = visit(app, before=hold_chips, until=matrix_alone, text=text)
    expect(with_late_chips.locator(".chip")).to_have_count(0)
    for route in held:
        route.continue_()
    settle(with_late_chips)
    assert held
    assert matrix(with_late_chips).bounding_box() == wanted


@pytest.mark.parametrize("place", ["encoder.ffn", "decoder.cross_attn"])
def test_without_a_layer_in_the_link_map_and_instrument_open_the_same(visit, zoo, zoo_glass, place):
    page = visit(zoo, text=SENTENCE, place=place)
    middle = zoo_glass("en-de").config.n_layers // 2 + 1
    expect(page.locator(".map .layers [aria-pressed=true]")).to_have_text(str(middle))
    expect(page.locator(".instrument .title")).to_contain_text(f"layer {middle}")


@pytest.mark.parametrize("size", SIZES)
def test_no_sideways_scroll(visit, zoo, zoo_glass, size):
    (width, height), model = SIZES[size], "wide"
    page = visit(
        zoo, {"viewport": {"width": width, "height": height}}, model=model, text=text_of(zoo_glass(model), 40)
    )
    for place in SITES:
        tab(page, place).click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0
        for part in (matrix(page), page.locator(".grid"), page.locator(".side"), page.locator(".chips")):
            box = part.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, place


def test_an_example_is_one_click_away(visit, app, glass):
    page = visit(app)
    second = examples(glass)[1]
    page.get_by_role("button", name=second).click()
    expect_translation(page, glass, second)
    expect_keys(page, glass, second)
    expect(box_of(page)).to_have_value(second)


def test_a_new_sentence_is_translated_and_keeps_place_layer_and_head(visit, app, glass):
    page = visit(app)
    layer, head = glass.config.n_layers, glass.config.n_heads
    tab(page, "encoder.self_attn").click()
    thumb(page, layer, head).click()
    before = picture(page)
    type_(page, SENTENCE)
    expect_translation(page, glass, SENTENCE)
    expect_keys(page, glass, SENTENCE)
    expect_head(page, "encoder.self_attn", layer, head)
    expect_plot(page, "encoder.self_attn", layer, head)
    expect_picture(page, before, same=False)
    settle(page)
    wanted = {"text": SENTENCE, "place": "encoder.self_attn", "layer": str(layer), "head": str(head)}
    assert wanted.items() <= link(page).items()
    after = picture(page)
    page.reload()
    settle(page)
    expect_translation(page, glass, SENTENCE)
    expect_head(page, "encoder.self_attn", layer, head)
    expect_plot(page, "encoder.self_attn", layer, head)
    expect_picture(page, after)


def test_blank_text_gives_a_hint_and_keeps_the_last_picture(visit, app, glass):
    page = visit(app, text=SENTENCE)
    before, node = thumbs(page), matrix(page).element_handle()
    type_(page, "   ")
    expect(page.get_by_role("alert")).to_contain_text("type some words")
    expect_translation(page, glass, SENTENCE)
    expect_keys(page, glass, SENTENCE)
    page.locator(IDLE).wait_for()
    assert node.evaluate("(node) => node.isConnected"), "the picture was taken away and drawn anew"
    assert thumbs(page) == before


def test_a_sentence_that_is_too_long_is_refused_in_words_and_the_picture_stays(visit, app, glass):
    page = visit(app, text=SENTENCE)
    before, node = thumbs(page), matrix(page).element_handle()
    type_(page, "word " * 300)
    expect(page.get_by_role("alert")).to_contain_text(f"at most {glass.config.max_src_len}")
    expect_translation(page, glass, SENTENCE)
    page.locator(IDLE).wait_for()
    assert node.evaluate("(node) => node.isConnected"), "the picture was taken away and drawn anew"
    assert thumbs(page) == before


@pytest.mark.parametrize(
    "text", ["<b>bold</b><script>window.hacked = 1</script>", '"><img src=x onerror=hacked=1> :smile:']
)
def test_typed_markup_is_shown_as_it_is_and_makes_no_element(visit, app, glass, text):
    page = visit(app, plot="true")
    elements = "document.querySelectorAll('script, b, img, [onerror]').length"
    expect(said(page)).to_be_visible()
    before = page.evaluate(elements)
    type_(page, text)
    expect_translation(page, glass, text)
    expect_keys(page, glass, text)
    expect_plot(page, "decoder.cross_attn", middle_layer(glass), 1)
    settle(page)
    assert page.evaluate(elements) == before
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.locator(".attention script, .attention img, .chips b, .chips img").count() == 0
    tokens = [glass.tokenizer.readable(i) for i in glass.source_ids(text)]
    ticks = page.locator(".js-plotly-plot .xaxislayer-above .xtick text")
    expect(ticks).to_have_count(len(tokens))
    assert [tick.text_content() for tick in ticks.all()] == tokens


@pytest.mark.parametrize("shown", ["**b** $x$ :smile:", ":red[r] ![i](i.png)"])
def test_markdown_in_a_text_or_link_is_shown_as_it_is(visit, app, glass, shown):
    text = f"{shown} " * 60
    with pytest.raises(TextError) as refusal:
        glass.source_ids(text)
    page = visit(app, text=text, place=shown)
    for part, words in [
        (page.get_by_text("There is no place"), shown),
        (page.get_by_role("alert"), str(refusal.value)),
    ]:
        assert words in part.inner_text().replace("\N{WORD JOINER}", "")
        assert part.locator("img, strong, .katex").count() == 0


@pytest.mark.parametrize("beam", ["inf", "9" * 400])
def test_a_beam_that_is_no_number_leaves_the_address_and_costs_a_notice_only(visit, app, beam):
    page = visit(app, text=SENTENCE, beam=beam)
    expect(page.get_by_text("which is no whole number")).to_be_visible()
    assert "beam" not in link(page)
    page.go_back()
    page.go_forward()
    expect(page.get_by_text("OverflowError")).to_have_count(0)
    expect(page.locator(".attention")).to_have_count(1)


@pytest.mark.parametrize("mode", theme.MODES)
def test_light_and_dark_draw_weight_zero_as_the_pages_background(visit, zoo, zoo_glass, mode):
    glass = zoo_glass("en-de")
    page = visit(
        zoo, {"color_scheme": mode, "viewport": {"width": 1280, "height": 720}}, text=SENTENCE, plot="true"
    )
    assert_drawn(page, glass, mode)
    page.wait_for_function(
        f"(colour) => {PLOT}?.data?.[0].colorscale[0][1] === colour",
        arg=theme.SEQUENTIAL[mode][0],
    )


def test_changing_between_light_and_dark_redraws_at_once(visit, zoo, zoo_glass):
    page = visit(zoo, {"color_scheme": "light", "viewport": {"width": 1280, "height": 720}}, text=SENTENCE)
    light = picture(page)
    page.emulate_media(color_scheme="dark")
    expect_picture(page, light, same=False)
    assert_drawn(page, zoo_glass("en-de"), "dark")


@pytest.mark.parametrize(("stage", "scale"), [("weights", theme.SEQUENTIAL), ("scores", theme.DIVERGING)])
def test_changing_between_light_and_dark_recolours_the_plot_at_once(visit, zoo, stage, scale):
    options = {"color_scheme": "light", "viewport": {"width": 1280, "height": 720}}
    page = visit(zoo, options, text=SENTENCE, plot="true", view="inside", stage=stage)
    for mode in ("light", "dark", "light"):
        page.emulate_media(color_scheme=mode)
        page.wait_for_function(
            f"(scale) => `${{{PLOT}?._fullData?.[0].colorscale.map((stop) => stop[1])}}` === `${{scale}}`",
            arg=scale[mode],
        )


def assert_drawn(page, glass, mode):
    """Page and cells have the colours of this mode."""
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", rgb(GROUND[mode]["backgroundColor"]))
    entry = entry_of(
        glass.trace(SENTENCE, glass.translate(SENTENCE)), "decoder.cross_attn", middle_layer(glass)
    )
    weights = entry.value[0]
    cells = matrix(page).evaluate(READ_ALL, [frame(page, entry), *weights.shape])
    for weight, cell in zip(weights.flat, cells, strict=True):
        assert all(abs(a - b) <= 1.01 for a, b in zip(cell["colour"], shade(weight, mode), strict=True))
    expect(page.locator(".attention")).to_have_css("color", rgb(GROUND[mode]["textColor"]))


def test_one_chip_a_step_with_its_probability(visit, app, glass):
    page = visit(app, text=SENTENCE)
    steps = glass.translate(SENTENCE).steps
    chips = page.get_by_role("list", name="Translation, token by token").get_by_role("listitem")
    expect(chips).to_have_count(len(steps))
    probs = glass.trace(SENTENCE, glass.translate(SENTENCE))["output.probs"].value
    for chip, step, row in zip(chips.all(), steps, probs, strict=True):
        expect(chip.locator(".token").first).to_have_text(glass.tokenizer.readable(step.id))
        shown = chip.locator(".percent").first.inner_text()
        assert abs(float(shown.strip("<%")) - 100 * row[step.id]) <= 0.11


def test_a_chip_shows_its_alternatives_on_focus_and_on_hover(visit, app, glass):
    page = visit(app, text=SENTENCE)
    step = glass.translate(SENTENCE).steps[1]
    chip = page.locator(".chip").nth(1)
    expect(chip.get_by_role("tooltip")).to_be_hidden()
    chip.focus()
    expect(chip.get_by_role("tooltip")).to_be_visible()
    rows = chip.locator(".row")
    expect(rows).to_have_count(5)
    tokens = rows.locator(".token").all_inner_texts()
    assert tokens == [glass.tokenizer.readable(other.id) for other in step.alternatives[:5]]
    box_of(page).focus()
    expect(chip.get_by_role("tooltip")).to_be_hidden()
    chip.hover()
    expect(chip.get_by_role("tooltip")).to_be_visible()


def test_a_broken_checkpoint_is_named_and_the_others_can_be_chosen(visit, zoo, zoo_glass):
    page = visit(zoo, text=SENTENCE)
    expect(page.get_by_role("alert")).to_contain_text("torn")
    page = visit(zoo, text=SENTENCE, model="one")
    expect_translation(page, zoo_glass("one"), SENTENCE)
    expect_head(page, "decoder.cross_attn", 1, 1)


def test_another_model_keeps_the_sentence_and_the_place(visit, zoo, zoo_glass):
    page = visit(zoo, text=SENTENCE, place="decoder.self_attn", layer=2, head=3)
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="wide", exact=True).click()
    expect_translation(page, zoo_glass("wide"), SENTENCE)
    expect_head(page, "decoder.self_attn", 2, 3)
    expect(page.locator(".check")).to_have_class("check right")
    wanted = {"model": "wide", "text": SENTENCE, "place": "decoder.self_attn", "layer": "2", "head": "3"}
    assert wanted.items() <= link(page).items()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/readyz", 200),
        ("/_stcore/health", 200),
        ("/instruments/attention/view.js", 200),
        ("/instruments/attention/__init__.py", 404),
        ("/instruments/..%2Fserver.py", 400),
        ("/instruments/%00.js", 400),
    ],
)
def test_every_answer_of_the_server_carries_the_security_headers(app, path, status):
    try:
        response = urlopen(app + path, timeout=30)
    except HTTPError as error:
        response = error
    with response:
        assert response.status == status
        assert response.headers["Content-Security-Policy"] == SECURITY_POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert b"import" not in response.read() or status == 200
