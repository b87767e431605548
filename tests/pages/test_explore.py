"""The page: what it shows for any sentence at any place."""

from __future__ import annotations

import pytest

from tests.helpers import checkpoints
from tests.helpers.messages import unpack
from tests.helpers.page import (
    SENTENCE,
    assert_shows,
    assert_whole,
    instruments,
    notices,
    said,
    translation,
    type_,
)
from tests.helpers.places import FINAL_NORMS, INSTEAD, PLACES, SITES, places_of
from viz import scene

HOSTILE = {
    "markup": "<script>alert(1)</script>",
    "markdown": "**bold** [link](http://example.com) ![i](http://example.com/i.png) $x$ :red[red] `code`",
    "right-to-left": "شكرا جزيلا שלום",
    "NUL": "a\x00b",
    "control characters": "".join(map(chr, range(1, 32))) + "x\x7f",
    "zero width": "\u200b\u200d\u2060",
    "combining": "a" + "\u0301" * 20,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "separators": "a\u2028b\u2029c",
}


def test_the_first_visit_shows_the_example_and_its_picture(open_page, glass):
    app = open_page()
    assert app.text_input(key="text").value == scene.examples(glass)[0]
    assert_shows(app, glass, scene.examples(glass)[0])
    assert not notices(app)
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize("number", range(1, 7))
def test_every_example_button_fills_the_box_and_translates(open_page, glass, number):
    app = open_page().button(key=f"example_{number}").click().run()
    text = scene.examples(glass)[number - 1]
    assert app.text_input(key="text").value == text
    assert_shows(app, glass, text)


def test_a_typed_sentence_is_translated(open_page, glass):
    app = type_(open_page(), SENTENCE)
    assert_shows(app, glass, SENTENCE)
    assert not notices(app)
    assert not app.warning


def test_what_the_reading_changed_is_said_once_and_quietly(open_page, glass):
    app = type_(open_page(), "A\u00a0woman is reading “a *book*”.")
    told = [said(caption) for caption in app.caption if "Read as" in caption.value]
    assert told == [
        'Read as: A woman is reading "a *book*". '
        "Quotes and hyphens became plain; white space became one space."
    ]
    assert translation(app) == glass.translate('A woman is reading "a *book*".', glass.decoding.beam).text
    assert not app.warning
    assert not [caption for caption in type_(app, SENTENCE).caption if "Read as" in caption.value]


def test_spaces_around_a_sentence_change_nothing(open_page, glass):
    assert_shows(type_(open_page(), f"  {SENTENCE} \t"), glass, SENTENCE)


@pytest.mark.parametrize("blank", ["", " ", "\t \u00a0\u3000"])
def test_blank_text_gives_a_hint_and_the_last_picture_stays(open_page, glass, blank):
    app = type_(type_(open_page(), SENTENCE), blank)
    (warning,) = app.warning
    assert "type some words" in warning.value
    assert f"Shown below: “{SENTENCE}”" in said(warning)
    assert_shows(app, glass, SENTENCE)


def test_after_a_blank_the_next_sentence_is_shown_without_a_hint(open_page, glass):
    app = type_(type_(open_page(), ""), SENTENCE)
    assert not app.warning
    assert_shows(app, glass, SENTENCE)


def test_text_over_the_limit_is_answered_by_limit_count_and_where_it_fits(open_page, glass):
    text = " ".join(f"word {n}" for n in range(200))
    count = len(glass.tokenizer.encode(text)) + 1
    app = type_(type_(open_page(), SENTENCE), text)
    (warning,) = app.warning
    assert str(glass.config.max_src_len) in warning.value
    assert f"{count:,}" in warning.value
    shown = said(warning).split("“…")[1].split("”")[0]
    ids = glass.tokenizer.encode(text)[: glass.config.max_src_len - 1]
    assert glass.tokenizer.decode(ids).endswith(shown)
    assert_shows(app, glass, SENTENCE)


def test_the_longest_sentence_that_fits_is_shown(open_page, glass):
    text = checkpoints.text_of(glass, glass.config.max_src_len)
    assert_shows(type_(open_page(), text), glass, text)


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "x" * 1_000_000, "😀" * 10_000], ids=["1 MB", "1 MB word", "emoji"]
)
def test_huge_texts_get_a_sentence_and_the_last_picture_stays(open_page, glass, text):
    app = type_(type_(open_page(), SENTENCE), text)
    (warning,) = app.warning
    assert f"at most {glass.config.max_src_len}" in warning.value
    assert len(warning.value) < 600
    assert f"Shown below: “{SENTENCE}”" in said(warning)
    assert_shows(app, glass, SENTENCE)


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_gets_an_answer_or_a_clear_sentence(open_page, glass, name):
    text = HOSTILE[name]
    app = type_(open_page(), text)
    if app.warning:
        assert app.warning[0].value.strip().endswith(("”.", "words.", "."))
        assert_shows(app, glass, scene.examples(glass)[0])
    else:
        assert_shows(app, glass, text)


def test_every_place_layer_and_head_opens_by_its_link(open_page, glass):
    for place in SITES:
        for layer in range(glass.config.n_layers):
            for head in range(glass.config.n_heads):
                app = open_page(text=SENTENCE, place=place, layer=layer + 1, head=head + 1)
                assert_shows(app, glass, SENTENCE, place, layer, head)
                assert not notices(app)
                assert not app.warning


def test_a_sentence_typed_anew_that_reads_the_same_keeps_its_answer(open_page):
    app = open_page(text='He said "no".', place="decoding")
    before = instruments(app)["decoding"].bytes
    type_(app, "He\u00a0said “no”.")
    assert instruments(app)["decoding"].bytes == before


def test_a_step_of_a_branch_may_lie_beyond_the_translation(open_page):
    app = open_page(text="a", place="decoding", forced="5.7", step=70)
    assert not notices(app)
    assert not app.exception


def test_the_plain_plot_is_drawn_when_it_is_asked_for(open_page):
    app = open_page(text=SENTENCE, plot="false")
    assert not app.get("plotly_chart")
    assert any("as a plain plot" in text.value for text in app.markdown)
    app.toggle(key="plot").set_value(True).run()
    assert_whole(app)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", [SENTENCE, "a"])
def test_every_place_opens_by_its_link(open_page, glass, place, text):
    app = open_page(text=text, place=place, layer=1, step=1)
    assert not app.exception
    assert not app.warning
    assert len(notices(app)) == (place not in places_of(glass.config))
    own = "attention" if place in SITES else "ffn" if "." in place else place
    assert set(instruments(app)) == {"translation", "map", own}
    assert bool(app.get("plotly_chart")) == (place in SITES)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("place", FINAL_NORMS)
def test_a_final_norm_opens_where_there_is_one_and_else_the_last_block(open_page, root, norm, place):
    checkpoints.make(root, "en-de", 2, 2, norm=norm)
    app = open_page(text="a", place=place, stage="norm_out", query=1, feature=2)
    header, _ = unpack(instruments(app)["ffn"].bytes)
    assert not app.exception
    assert header["place"] == (place if norm == "pre" else INSTEAD[place])
    why = f"The link asks for {place}; this model is post-norm and has no final norm."
    told = [notice.replace("\\_", "_") for notice in notices(app)]  # as markdown shows it
    assert told == ([f"{why} Showing the nearest there is."] if norm == "post" else [])


def test_nothing_is_shown_that_the_script_only_says_to_its_reader(open_page, glass):
    about = [markdown.value for markdown in open_page(text=SENTENCE).markdown]
    assert about[0].startswith(f"**{glass.name}**")
