"""The page: what it shows of any set of checkpoints and whatever stands in their cards."""

from __future__ import annotations

import json
import shutil

import pytest

from model import load
from tests.helpers import checkpoints
from tests.helpers.asked import first
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
from tests.helpers.places import PLACES
from viz import scene, server


def test_a_broken_checkpoint_is_named_and_the_good_one_works(open_page, root):
    glass = load(checkpoints.make(root, "en-de", 2, 2))
    checkpoints.make_broken(root, "torn")
    app = open_page(text=SENTENCE)
    (warning,) = app.warning
    assert "torn" in said(warning)
    assert "model.safetensors" in said(warning)
    assert_shows(app, glass, SENTENCE)


def test_no_checkpoint_at_all_is_one_sentence(open_page, root):
    app = open_page()
    (error,) = app.error
    assert "No checkpoint" in error.value
    assert not app.exception
    assert not app.get("plotly_chart")
    assert not app.get("bidi_component")


def test_nothing_but_broken_checkpoints_says_why(open_page, root):
    checkpoints.make_broken(root, "en-de")
    app = open_page()
    (error,) = app.error
    assert "model.safetensors" in said(error)
    assert not app.exception


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
    assert len(app.warning) == 1
    assert "at most 12" in app.warning[0].value
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
        "attention", (glass, glass.trace(SENTENCE, out), None), "decoder.cross_attn", request
    )


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
    assert "hardly any that it learnt from has more than 3; “" in doubt
    assert doubt.endswith(" pieces.")
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
    assert not app.warning
    assert not app.error


def test_what_a_card_says_is_shown_literally(open_page, root):
    card = checkpoints.make(root, "en-de", 1, 2, max_tgt_len=8) / "card.json"
    scores = {"split": "val", "beam": 5, "bleu": 1.5, "bleu_lc": 2, "chrf": 3}
    card.write_text(json.dumps({"data": {"a": {"pairs": 1234, "source": "**us**"}}, "scores": {"v": scores}}))
    shown = [said(markdown) for markdown in open_page(text=SENTENCE).markdown]
    assert "Trained on 1,234 pairs. **us**." in shown
    assert "val, beam 5: BLEU 1.5, lower-cased 2, chrF 3." in shown


@pytest.mark.parametrize("limit", [2, 6])
@pytest.mark.parametrize("place", PLACES)
def test_a_model_with_small_limits_shows_every_place(open_page, root, limit, place):
    checkpoints.make(root, "en-de", 1, 1, max_src_len=limit, max_tgt_len=limit)
    app = open_page(text="a", place=place)
    assert not app.exception
    assert app.text_input(key="text").value == "a"
    assert instruments(app)["map"]


def test_a_model_that_takes_no_example_still_shows_the_box_and_says_why(open_page, root):
    checkpoints.make(root, "en-de", 1, 1, max_src_len=2)
    app = open_page()
    assert not app.exception
    assert app.text_input(key="text").value == scene.PLAIN_EXAMPLES[0]
    assert "at most 2" in app.warning[0].value
