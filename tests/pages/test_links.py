"""The page: what it makes of any link, and of whatever the browser says."""

from __future__ import annotations

import pytest

from model import load
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.messages import unpack
from tests.helpers.page import (
    SENTENCE,
    assert_shows,
    assert_whole,
    instruments,
    notices,
    said,
    type_,
)
from viz import scene, server


def test_what_the_browser_said_last_counts_more_than_the_link_at_first(open_page, glass):
    app = open_page(text=SENTENCE, place="encoder.self_attn", layer=1)
    app.session_state[scene.SPEAKER] = {scene.SELECTION: {"place": "decoder.self_attn", "layer": "2"}}
    assert_shows(app.run(), glass, SENTENCE, "decoder.self_attn", 1, 0)


def test_a_choice_made_in_the_instrument_moves_the_plot(open_page, glass):
    app = open_page(text=SENTENCE)
    n_layers, n_heads = glass.config.n_layers, glass.config.n_heads
    chosen = {"place": "encoder.self_attn", "layer": n_layers, "head": n_heads, "query": None, "key": None}
    app.session_state[scene.SPEAKER] = {scene.SELECTION: chosen}
    assert_shows(app.run(), glass, SENTENCE, "encoder.self_attn", n_layers - 1, n_heads - 1)


def test_a_new_sentence_keeps_the_place_layer_and_head_of_the_link(open_page, glass):
    last = glass.config.n_heads - 1
    app = type_(open_page(place="encoder.self_attn", layer=1, head=last + 1), SENTENCE)
    assert_shows(app, glass, SENTENCE, "encoder.self_attn", 0, last)


@pytest.mark.parametrize(
    ("link", "named"),
    [
        ({"place": "sideways"}, "sideways"),
        ({"layer": "99"}, "layer 99"),
        ({"layer": "0"}, "layer 0"),
        ({"layer": "-3"}, "layer -3"),
        ({"layer": "--3"}, "--3"),
        ({"layer": "zzz"}, "zzz"),
        ({"layer": "١"}, "١"),
        ({"head": "1e3"}, "1e3"),
        ({"head": "77"}, "head 77"),
        ({"head": "9" * 40}, "9" * 20),
        ({"query": "abc", "key": "1"}, "abc"),
        ({"query": "999", "key": "1"}, "query 999"),
        ({"query": "1", "key": "0"}, "key 0"),
        ({"model": "no-such-model"}, "no-such-model"),
        ({"place": "x", "layer": "y", "head": "z", "model": "w"}, "'x'"),
    ],
)
def test_nonsense_in_a_link_gives_one_quiet_notice_and_the_nearest_picture(open_page, glass, link, named):
    app = open_page(text=SENTENCE, **link)
    (notice,) = notices(app)
    assert named in notice
    assert not app.warning
    assert not app.error
    last = {"layer": glass.config.n_layers - 1, "head": glass.config.n_heads - 1}
    nearest = {"99": "layer", "77": "head"}
    moved = {name: last[name] for raw, name in nearest.items() if link.get(name) == raw}
    moved |= {"layer": 0} if link.get("layer") in ("0", "-3") else {}
    assert_shows(app, glass, SENTENCE, **moved)


def test_a_place_that_its_stack_lacks_gives_one_quiet_notice_and_the_stacks_last_block(open_page):
    app = open_page(text=SENTENCE, place="decoder.sideways")
    assert notices(app) == ["There is no place 'decoder.sideways' here. Showing the nearest there is."]
    assert unpack(instruments(app)["ffn"].bytes)[0]["place"] == "decoder.ffn"


@pytest.mark.parametrize("name", ["place", "layer", "model"])
def test_what_a_link_says_is_shown_as_text_not_as_markdown(open_page, glass, name):
    app = open_page(text=SENTENCE, **{name: "![i](i.png) **b**"})
    (notice,) = [caption for caption in app.caption if "Showing the nearest" in caption.value]
    assert "![i](" not in notice.value
    assert "**b**" not in notice.value
    assert "![i](i.png) **b**" in said(notice)
    assert_shows(app, glass, SENTENCE)


def test_what_does_not_fit_is_quoted_as_text_not_as_markdown(open_page, glass):
    text = "![i](http://example.com/i.png) **b** " * 60
    app = type_(open_page(), text)
    (warning,) = app.warning
    assert "![i](" not in warning.value
    assert "**b**" not in warning.value
    assert "http://example.com/i.png) **b**" in said(warning)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_link_with_a_blank_sentence_shows_a_picture_all_the_same(open_page, glass, text):
    assert_shows(open_page(text=text), glass, scene.examples(glass)[0])


def test_a_link_with_too_long_a_sentence_shows_a_picture_and_says_so(open_page, glass):
    app = open_page(text="word " * 300)
    assert len(app.warning) == 1
    assert_shows(app, glass, scene.examples(glass)[0])


def assert_shows_beam(app, glass, beam):
    assert_whole(app)
    request = server.request_of(glass.name, SENTENCE, beam)
    shown = first(
        "attention",
        (glass, glass.trace(SENTENCE, glass.translate(SENTENCE, beam=beam)), None),
        "decoder.cross_attn",
        request,
    )
    assert (app.number_input(key="beam").value, instruments(app)["attention"].bytes) == (beam, shown)


@pytest.mark.parametrize(("beam", "nearest"), [("0", 1), ("-1", 1), ("9", 8), ("99", 8), ("999999999", 8)])
def test_a_beam_out_of_range_gives_a_notice_and_the_nearest_picture(open_page, root, beam, nearest):
    glass = load(checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8))
    app = open_page(text=SENTENCE, beam=beam)
    (notice,) = notices(app)
    assert beam in notice
    assert_shows_beam(app, glass, nearest)


@pytest.mark.parametrize("beam", ["zzz", "inf", "-inf", "nan", "1e400", "9" * 400, "2.5", "2.0", "١", "\x00"])
def test_a_beam_that_is_no_number_leaves_the_link_with_a_notice_and_a_picture(open_page, root, beam):
    glass = load(checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8))
    app = open_page(text=SENTENCE, beam=beam)
    (notice,) = notices(app)
    assert "beam" in notice
    assert repr(beam)[:20] in notice
    assert "beam" not in app.query_params
    assert_shows_beam(app, glass, app.number_input(key="beam").value)
    app = app.number_input(key="beam").set_value(3).run()
    assert not notices(app)
    assert_shows_beam(app, glass, 3)


@pytest.mark.parametrize("plot", ["inf", "2", "yes", "\x00"])
def test_a_plot_that_is_neither_true_nor_false_leaves_the_link_with_a_notice(open_page, root, plot):
    checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8)
    app = open_page(text=SENTENCE, plot=plot)
    (notice,) = notices(app)
    assert "plot" in notice
    assert not app.exception
    assert "plot" not in app.query_params
    assert not app.get("plotly_chart")


ODD_STATES = [1, "x", [1], None, {}, {"selection": 1}, {"selection": "x"}, {"selection": [1, 2]}]


ODD_SELECTIONS = [
    {"place": [1]}, {"place": None, "layer": [1]}, {"layer": {"a": 1}}, {"place": 5, "view": True},
    {"layer": 1e400, "head": float("nan")}, {"head": True, "query": 2**70},
]  # fmt: skip


@pytest.mark.parametrize("state", [*ODD_STATES, *({"selection": each} for each in ODD_SELECTIONS)], ids=repr)
def test_a_state_of_another_shape_than_expected_is_ignored(open_page, root, state):
    checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8)
    app = open_page(text=SENTENCE)
    app.session_state[scene.SPEAKER] = state
    assert_whole(app.run())
