"""scene.py: what the page reads of a link; nonsense in a link costs one notice and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.card import WIDEST_BEAM
from model.config import Config
from model.transformer import anatomy
from tests.helpers.places import ADD_NORMS, FINAL_NORMS, INSTEAD, PLACES, SITES, places_of
from viz.instruments.base import instrument_at, instruments, places
from viz.scene import Scene, from_link

POST = Config(n_layers=3, n_heads=2, d_model=16, vocab_size=300)
PRE = Config(n_layers=3, n_heads=2, d_model=16, vocab_size=300, norm="pre")
NAMES = ["text", "model", "place", "beam", "plot"]
NO_NUMBERS = ["zzz", "١", "1e3", "1.5", "--5", "-", "²", "½", "0x1", " ", "9" * 5000, "-" + "9" * 30, "1\n"]


def test_an_empty_link_is_the_default_scene_without_a_notice():
    assert from_link({}) == (Scene(), [])
    assert (Scene().text, Scene().model, Scene().beam, Scene().place) == ("", "", None, "")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_value_counts_as_not_said(name):
    assert from_link({name: ""}) == (Scene(link={name: ""}), [])


def test_all_that_a_link_says_is_kept_for_the_open_instrument():
    link = {"text": "A dog.", "model": "m", "beam": "2", "place": "output", "step": "4", "utm_source": "x"}
    expected = Scene("A dog.", "m", 2, "output", link)
    assert from_link(link) == (expected, [])


@pytest.mark.parametrize("raw", NO_NUMBERS)
def test_a_beam_that_is_no_number_falls_back_to_the_default_with_one_notice(raw):
    scene, notices = from_link({"beam": raw})
    assert scene.beam is None
    assert len(notices) == 1 and "beam" in notices[0] and len(notices[0]) < 100


@pytest.mark.parametrize(("raw", "beam"), [("0", 1), ("-3", 1), ("1", 1), ("8", 8), ("9", 8), ("99999", 8)])
def test_a_beam_is_brought_into_its_range(raw, beam):
    scene, notices = from_link({"beam": raw})
    assert scene.beam == beam <= WIDEST_BEAM
    assert len(notices) == (str(beam) != raw)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(), max_size=8))
def test_no_link_at_all_makes_it_stumble(link):
    scene, notices = from_link(link)
    place, moved = scene.place_in(anatomy(POST, True))
    assert len(notices) + len(moved) <= len(link)
    assert place in places_of(POST)


@pytest.mark.parametrize("config", [POST, PRE], ids=["post", "pre"])
def test_the_places_are_the_anatomys_and_each_has_one_instrument(config):
    model = anatomy(config, True)
    assert places(model) == places_of(config)
    for place in places(model):
        assert [each for each in instruments().values() if place in each.places(model)] == [
            instrument_at(place, model)
        ]


@pytest.mark.parametrize("config", [POST, PRE], ids=["post", "pre"])
def test_a_place_that_is_there_is_opened_without_a_notice(config):
    for place in places_of(config):
        assert Scene(place=place).place_in(anatomy(config, True)) == (place, [])
    assert Scene().place_in(anatomy(config, True)) == ("decoder.cross_attn", [])


@pytest.mark.parametrize(
    ("place", "nearest"),
    [
        *INSTEAD.items(),
        ("encoder.cross_attn", "encoder.ffn"),
        ("decoder", "decoder.ffn"),
        ("Decoder.cross_attn", "decoder.cross_attn"),
        ("<b>", "decoder.cross_attn"),
        ("0", "decoder.cross_attn"),
    ],
)
def test_another_place_falls_back_to_the_nearest_with_one_notice_that_names_it(place, nearest):
    found, notices = Scene(place=place).place_in(anatomy(POST, True))
    assert found == nearest
    assert len(notices) == 1 and place in notices[0]


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_a_link_to_a_final_norm_hears_why_a_post_norm_model_has_none(place):
    _, notices = Scene(place=place).place_in(anatomy(POST, True))
    assert notices == [f"The link asks for {place}; this model is post-norm and has no final norm."]


def test_every_attention_has_its_add_and_norm_right_above_it():
    found = places(anatomy(PRE, True))
    for site, place in zip(SITES, ADD_NORMS, strict=True):
        assert found.index(place) == found.index(site) + 1


def test_each_stacks_final_norm_follows_its_last_block():
    found = places(anatomy(PRE, True))
    for place, before in INSTEAD.items():
        assert found.index(place) == found.index(before) + 1


def test_only_a_pre_norm_model_has_final_norms():
    assert places(anatomy(PRE, True)) == PLACES
    assert set(PLACES) - set(places(anatomy(POST, True))) == set(FINAL_NORMS)
