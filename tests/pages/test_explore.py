"""The page: what it shows for any sentence, any link and any set of checkpoints."""

from __future__ import annotations

import json
import shutil
from functools import cache
from html import unescape

import numpy as np
import pytest

from model import load
from model.text import read
from tests import checkpoints
from tests.helpers.asked import first
from tests.pages.conftest import assert_whole, chart, instruments, notices, said, translation, type_
from tests.unit.viz.test_transport import unpack
from viz import scene, server, theme
from viz.labels import query_labels

SENTENCE = "A woman is reading a book."
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


@pytest.fixture(scope="module")
def glass():
    return load("en-de")


@cache
def computed(glass, text):
    """What the model says to a text, and the trace of it."""
    translated = glass.translate(text, glass.decoding.beam)
    return translated, glass.trace(text, translated)


def assert_shows(app, glass, text, place="decoder.cross_attn", layer=None, head=0):
    """The translation, the payload and the plot are those of the model for this text and head."""
    assert_whole(app)
    translated, trace = computed(glass, read(text))
    layer = glass.config.n_layers // 2 if layer is None else layer
    assert translation(app) == (translated.text or "(the model says nothing)")
    request = server.request_of(glass.name, read(text), glass.decoding.beam)
    assert instruments(app)["attention"].bytes == first("attention", (glass, trace, None), request=request)
    chips = unpack(instruments(app)["translation"].bytes)[0]["chips"]
    assert [chip["token"] for chip in chips] == [glass.tokenizer.readable(s.id) for s in translated.steps]
    stack, site = place.split(".")
    entry = trace[f"{stack}.{layer}.{site}.weights"]
    alt, cells, rows, columns = chart(app)
    assert alt == f"{theme.head_title(place, layer + 1, head + 1)}: weights"
    assert cells.tobytes() == entry.value[head].astype(np.float32).tobytes()
    assert tuple(map(unescape, rows)) == query_labels(trace, entry)
    assert tuple(map(unescape, columns)) == entry.labels["key"]


def test_the_first_visit_shows_the_example_and_its_picture(open_page, glass):
    app = open_page()
    assert app.text_input(key="text").value == scene.examples(glass)[0]
    assert_shows(app, glass, scene.examples(glass)[0])
    assert not notices(app) and not app.warning and not app.error


@pytest.mark.parametrize("number", range(1, 7))
def test_every_example_button_fills_the_box_and_translates(open_page, glass, number):
    app = open_page().button(key=f"example_{number}").click().run()
    text = scene.examples(glass)[number - 1]
    assert app.text_input(key="text").value == text
    assert_shows(app, glass, text)


def test_a_typed_sentence_is_translated(open_page, glass):
    app = type_(open_page(), SENTENCE)
    assert_shows(app, glass, SENTENCE)
    assert not notices(app) and not app.warning


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
    for place in scene.SITES:
        for layer in range(glass.config.n_layers):
            for head in range(glass.config.n_heads):
                app = open_page(text=SENTENCE, place=place, layer=layer + 1, head=head + 1)
                assert_shows(app, glass, SENTENCE, place, layer, head)
                assert not notices(app) and not app.warning


def test_a_new_sentence_takes_what_belonged_to_the_old_one_out_of_the_link(open_page):
    app = open_page(text=SENTENCE, place="decoding", tab="steps", forced="5.7", branch=2, reference="Ja.")
    assert {"forced", "branch", "reference", "tab"} <= set(app.query_params)
    type_(app, "Where is the station?")
    assert not {"forced", "branch", "reference"} & set(app.query_params)
    assert "tab" in app.query_params


def test_a_sentence_typed_anew_that_reads_the_same_keeps_its_answer_and_its_link(open_page):
    app = open_page(text='He said "no".', place="decoding", forced="5.7", branch=2, reference="Ja.")
    before = instruments(app)["decoding"].bytes
    type_(app, "He\u00a0said “no”.")
    assert instruments(app)["decoding"].bytes == before
    assert {"forced", "branch", "reference"} <= set(app.query_params)


def test_a_step_of_a_branch_may_lie_beyond_the_translation(open_page):
    app = open_page(text="a", place="decoding", forced="5.7", step=70)
    assert not notices(app) and not app.exception


def test_the_plain_plot_is_drawn_when_it_is_asked_for(open_page):
    app = open_page(text=SENTENCE, plot="false")
    assert not app.get("plotly_chart")
    assert any("as a plain plot" in text.value for text in app.markdown)
    app.toggle(key="plot").set_value(True).run()
    assert_whole(app)


@pytest.mark.parametrize("place", scene.PLACES)
@pytest.mark.parametrize("text", [SENTENCE, "a"])
def test_every_place_opens_by_its_link(open_page, glass, place, text):
    app = open_page(text=text, place=place, layer=1, step=1)
    assert not app.exception and not app.warning
    assert len(notices(app)) == (place not in scene.places_of(glass.config))
    own = "attention" if place in scene.SITES else "ffn" if "." in place else place
    assert set(instruments(app)) == {"translation", "map", own}
    assert bool(app.get("plotly_chart")) == (place in scene.SITES)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("place", scene.FINAL_NORMS)
def test_a_final_norm_opens_where_there_is_one_and_else_the_last_block(open_page, root, norm, place):
    checkpoints.make(root, "en-de", 2, 2, norm=norm)
    app = open_page(text="a", place=place, stage="norm_out", query=1, feature=2)
    header, _ = unpack(instruments(app)["ffn"].bytes)
    assert not app.exception
    assert header["place"] == (place if norm == "pre" else scene.INSTEAD[place])
    assert len(notices(app)) == (norm == "post")


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
        ({"place": "decoder.sideways"}, "decoder.sideways"),
        ({"layer": "99"}, "layer 99"),
        ({"layer": "0"}, "layer 0"),
        ({"layer": "-3"}, "layer -3"),
        ({"layer": "--3"}, "--3"),
        ({"layer": "zzz"}, "zzz"),
        ({"layer": "١"}, "١"),
        ({"head": "1e3"}, "1e3"),
        ({"head": "77"}, "head 77"),
        ({"head": "9" * 40}, "9" * 40),
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
    assert not app.warning and not app.error
    last = {"layer": glass.config.n_layers - 1, "head": glass.config.n_heads - 1}
    nearest = {"99": "layer", "77": "head"}
    moved = {name: last[name] for raw, name in nearest.items() if link.get(name) == raw}
    moved |= {"layer": 0} if link.get("layer") in ("0", "-3") else {}
    assert_shows(app, glass, SENTENCE, **moved)


@pytest.mark.parametrize("name", ["place", "layer", "model"])
def test_what_a_link_says_is_shown_as_text_not_as_markdown(open_page, glass, name):
    app = open_page(text=SENTENCE, **{name: "![i](http://example.com/i.png) **b**"})
    (notice,) = [caption for caption in app.caption if "Showing the nearest" in caption.value]
    assert "![i](" not in notice.value and "**b**" not in notice.value
    assert "![i](http://example.com/i.png) **b**" in said(notice)
    assert_shows(app, glass, SENTENCE)


def test_what_does_not_fit_is_quoted_as_text_not_as_markdown(open_page, glass):
    text = "![i](http://example.com/i.png) **b** " * 60
    app = type_(open_page(), text)
    (warning,) = app.warning
    assert "![i](" not in warning.value and "**b**" not in warning.value
    assert "http://example.com/i.png) **b**" in said(warning)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_link_with_a_blank_sentence_shows_a_picture_all_the_same(open_page, glass, text):
    assert_shows(open_page(text=text), glass, scene.examples(glass)[0])


def test_a_link_with_too_long_a_sentence_shows_a_picture_and_says_so(open_page, glass):
    app = open_page(text="word " * 300)
    assert len(app.warning) == 1
    assert_shows(app, glass, scene.examples(glass)[0])


def test_a_broken_checkpoint_is_named_and_the_good_one_works(open_page, root):
    glass = load(checkpoints.make(root, "en-de", 2, 2))
    checkpoints.make_broken(root, "torn")
    app = open_page(text=SENTENCE)
    (warning,) = app.warning
    assert "torn" in said(warning) and "model.safetensors" in said(warning)
    assert_shows(app, glass, SENTENCE)


def test_no_checkpoint_at_all_is_one_sentence(open_page, root):
    app = open_page()
    (error,) = app.error
    assert "No checkpoint" in error.value and not app.exception
    assert not app.get("plotly_chart") and not app.get("bidi_component")


def test_nothing_but_broken_checkpoints_says_why(open_page, root):
    checkpoints.make_broken(root, "en-de")
    app = open_page()
    (error,) = app.error
    assert "model.safetensors" in said(error) and not app.exception


def test_a_checkpoint_with_an_odd_card_is_shown(open_page, root):
    folder = checkpoints.make(root, "en-de", 1, 1)
    (folder / "card.json").write_text(
        '{"data": [1], "scores": {"a": 3, "b": {"bleu": null}}, "parameters": "many"}'
    )
    assert_whole(open_page(text=SENTENCE))


@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (6, 8)])
def test_models_of_any_size_are_shown(open_page, root, n_layers, n_heads):
    glass = load(checkpoints.make(root, "en-de", n_layers, n_heads))
    assert_shows(open_page(text=SENTENCE), glass, SENTENCE)
    app = open_page(text=SENTENCE, place="decoder.self_attn", layer=n_layers, head=n_heads)
    assert_shows(app, glass, SENTENCE, "decoder.self_attn", n_layers - 1, n_heads - 1)


def test_a_link_opens_another_model(open_page, root):
    checkpoints.make(root, "en-de", 2, 2)
    other = load(checkpoints.make(root, "other", 1, 3, seed=5))
    app = open_page(text=SENTENCE, model="other", head=3)
    assert_shows(app, other, SENTENCE, layer=0, head=2)
    assert not notices(app)


def test_a_new_model_that_does_not_take_the_last_sentence_still_shows_a_picture(open_page, root):
    long = checkpoints.text_of(load(checkpoints.make(root, "en-de", 1, 1)), 40)
    checkpoints.make(root, "tiny", 1, 1, max_src_len=12)
    app = type_(open_page(), long)
    app = app.selectbox(key="model").set_value("tiny").run()
    assert len(app.warning) == 1 and "at most 12" in app.warning[0].value
    assert not app.exception


def test_a_model_whose_folder_has_gone_is_replaced_with_a_notice(open_page, root):
    glass = load(checkpoints.make(root, "kept", 1, 2))
    checkpoints.make(root, "gone", 1, 2)
    shutil.rmtree(root / "gone")
    app = open_page(text=SENTENCE, model="gone")
    (notice,) = notices(app)
    assert "gone" in notice
    assert_shows(app, glass, SENTENCE)


@pytest.mark.parametrize("beam", [1, 4, scene.WIDEST_BEAM])
def test_a_wider_beam_shows_that_beams_translation_and_its_trace(open_page, root, beam):
    glass = load(checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8))
    app = open_page(text=SENTENCE, beam=beam)
    out = glass.translate(SENTENCE, beam=beam)
    assert_whole(app)
    assert translation(app) == out.text
    request = server.request_of("en-de", SENTENCE, beam)
    assert instruments(app)["attention"].bytes == first(
        "attention", (glass, glass.trace(SENTENCE, out), None), request=request
    )


def test_nothing_is_shown_that_the_script_only_says_to_its_reader(open_page, glass):
    about = [markdown.value for markdown in open_page(text=SENTENCE).markdown]
    assert about[0].startswith(f"**{glass.name}**")


def how(app):
    """How the translation was found, in words, and the button that shows the other way."""
    words = [caption.value for caption in app.caption if caption.value.startswith(("greedy", "beam"))]
    return *words, app.button(key="other_decoding").label


def test_the_page_decodes_as_the_card_says_and_greedy_is_one_click_away(open_page, root):
    folder = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8)
    card = json.loads((folder / "card.json").read_text()) | {"decoding": {"beam": 3, "alpha": 0.5}}
    (folder / "card.json").write_text(json.dumps(card))
    glass = load(folder)
    app = open_page(text=SENTENCE)
    assert how(app) == ("beam search, 3 wide", "Show greedy")
    assert_shows(app, glass, SENTENCE)
    assert not notices(app)
    app = app.button(key="other_decoding").click().run()
    assert how(app) == ("greedy: the most probable token at each step", "Show beam search, 3 wide")
    assert translation(app) == (glass.translate(SENTENCE).text or "(the model says nothing)")
    app = app.button(key="other_decoding").click().run()
    assert_shows(app, glass, SENTENCE)


def test_a_link_with_beam_1_is_greedy_whatever_the_card_says(open_page, glass):
    app = open_page(text=SENTENCE, beam=1)
    assert how(app) == (
        "greedy: the most probable token at each step",
        f"Show beam search, {glass.decoding.beam} wide",
    )
    assert translation(app) == glass.translate(SENTENCE).text


CONFIDENCE = {
    "least": 1.0, "longest": 3, "pieces": 1, "appears": 0.2, "right": 0.6, "auc": 0.8, "poor_below": 40
}  # fmt: skip


def test_an_unsure_translation_says_so_with_every_reason(open_page, root):
    folder = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8)
    card = json.loads((folder / "card.json").read_text()) | {"confidence": CONFIDENCE}
    (folder / "card.json").write_text(json.dumps(card))
    app = open_page(text="A <b>dog</b> runs.")
    (doubt,) = [said(caption) for caption in app.caption if "unsure" in caption.value]
    assert doubt.startswith("The model is unsure here: its tokens have a probability of ")
    assert "below 100% 60% of its test translations were poor; the sentence has " in doubt
    assert "hardly any that it learnt from has more than 3; “" in doubt and doubt.endswith(" pieces.")
    (about,) = [markdown.value for markdown in app.markdown if "says that it is unsure" in markdown.value]
    assert (
        "in tests of 20% of the translations, of which 60% were poor (chrF under 40; ROC AUC 0.80)" in about
    )


def test_a_sure_translation_says_nothing(open_page, root):
    folder = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8)
    sure = CONFIDENCE | {"least": 0, "longest": 99, "pieces": 99}
    card = json.loads((folder / "card.json").read_text()) | {"confidence": sure}
    (folder / "card.json").write_text(json.dumps(card))
    assert not [caption for caption in open_page(text=SENTENCE).caption if "unsure" in caption.value]


def test_a_card_without_a_decoding_or_examples_still_starts(open_page, root):
    glass = load(checkpoints.make(root, "en-de", 1, 2))
    app = open_page()
    assert how(app) == ("greedy: the most probable token at each step", "Show beam search, 4 wide")
    assert_shows(app, glass, scene.PLAIN_EXAMPLES[0])


def assert_shows_beam(app, glass, beam):
    assert_whole(app)
    request = server.request_of(glass.name, SENTENCE, beam)
    shown = first(
        "attention",
        (glass, glass.trace(SENTENCE, glass.translate(SENTENCE, beam=beam)), None),
        request=request,
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
    assert "beam" in notice and repr(beam)[:20] in notice
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
    assert "plot" in notice and not app.exception
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


CARDS = {
    "pairs in words": {"data": {"multi30k": {"pairs": "x"}}},
    "pairs as a list": {"data": {"multi30k": {"pairs": [1]}}},
    "pairs beyond counting": {"data": {"multi30k": {"pairs": 10**4000, "source": "s"}}},
    "a list of corpora": {"data": [1, {"pairs": 1}]},
    "half a character": {"data": {"a": {"pairs": 1, "source": "\ud800"}}},
    "scores in words": {"scores": {"val": {"bleu": "x", "beam": [], "bleu_lc": None, "chrf": {}}}},
    "scores as a list": {"scores": [{"bleu": 1}]},
    "another name": {"name": 5},
}


@pytest.mark.parametrize("what", CARDS)
def test_a_bad_card_never_breaks_the_page(open_page, root, what):
    card = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8) / "card.json"
    card.write_text(json.dumps(CARDS[what]))
    app = open_page(text=SENTENCE)
    assert_whole(app)
    assert not app.warning and not app.error


def test_what_a_card_says_is_shown_literally(open_page, root):
    card = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8) / "card.json"
    scores = {"split": "val", "beam": 5, "bleu": 1.5, "bleu_lc": 2, "chrf": 3}
    card.write_text(json.dumps({"data": {"a": {"pairs": 1234, "source": "**us**"}}, "scores": {"v": scores}}))
    shown = [said(markdown) for markdown in open_page(text=SENTENCE).markdown]
    assert "Trained on 1,234 pairs. **us**." in shown
    assert "val, beam 5: BLEU 1.5, lower-cased 2, chrF 3." in shown


@pytest.mark.parametrize("limit", [2, 6])
@pytest.mark.parametrize("place", scene.PLACES)
def test_a_model_with_small_limits_shows_every_place(open_page, root, limit, place):
    checkpoints.make(root, "en-de", 1, 1, max_src_len=limit, max_tgt_len=limit)
    app = open_page(text="a", place=place)
    assert not app.exception
    assert app.text_input(key="text").value == "a" and instruments(app)["map"]


def test_a_model_that_takes_no_example_still_shows_the_box_and_says_why(open_page, root):
    checkpoints.make(root, "en-de", 1, 1, max_src_len=2)
    app = open_page()
    assert not app.exception
    assert app.text_input(key="text").value == scene.PLAIN_EXAMPLES[0]
    assert "at most 2" in app.warning[0].value
