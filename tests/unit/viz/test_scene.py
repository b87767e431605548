"""scene.py: a scene and its link say the same; nonsense in a link costs one notice and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import Config
from viz.scene import (
    ADD_NORMS,
    COUNTED,
    FEED_FORWARDS,
    FINAL_NORMS,
    INSTEAD,
    PLACES,
    SITES,
    STAGES,
    VIEWS,
    WIDE_STAGES,
    WIDEST_BEAM,
    Scene,
    from_link,
    half_pins,
    places_of,
    whole_number,
)

pytestmark = pytest.mark.once

CONFIG = Config(n_layers=3, n_heads=2, d_model=16, vocab_size=300)
PRE = Config(n_layers=3, n_heads=2, d_model=16, vocab_size=300, norm="pre")
WORDS = st.text(min_size=1).filter(str.strip)
COUNTS = st.none() | st.integers(0, 10**8)
SCENES = st.builds(
    Scene,
    text=WORDS,
    model=WORDS,
    beam=st.none() | st.integers(1, WIDEST_BEAM),
    place=st.sampled_from(PLACES),
    layer=COUNTS,
    head=st.integers(0, 10**8),
    query=COUNTS,
    key=COUNTS,
    feature=COUNTS,
    step=COUNTS,
    view=st.sampled_from(VIEWS),
    stage=st.sampled_from(STAGES),
)
NAMES = ["text", "model", "place", "view", "stage", "beam", *COUNTED]
NO_NUMBERS = [
    "zzz",
    "١",
    "1e3",
    "1.5",
    "--5",
    "-",
    "--",
    "²",
    "½",
    "0x1",
    " ",
    "9" * 5000,
    "-" + "9" * 30,
    "1\n",
]


@given(SCENES)
def test_a_link_restores_exactly_the_scene_that_wrote_it(scene):
    assert from_link(scene.to_link()) == (scene, [])


def test_links_count_from_one():
    scene = Scene(layer=0, head=1, query=2, key=3, feature=4, step=5)
    counts = {"layer": "1", "head": "2", "query": "3", "key": "4", "feature": "5", "step": "6"}
    link = scene.to_link()
    assert {name: link[name] for name in COUNTED} == counts
    assert from_link(counts)[0] == scene


def test_an_empty_link_is_the_default_scene_without_a_notice():
    assert from_link({}) == (Scene(), [])
    assert (Scene().text, Scene().beam) == ("", None)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_value_counts_as_not_said(name):
    assert from_link({name: ""}) == (Scene(), [])


def test_a_parameter_of_somebody_else_is_left_alone():
    assert from_link({"utm_source": "x", "embed": "true"}) == (Scene(), [])


@pytest.mark.parametrize("place", ["encoder.cross_attn", "Decoder.cross_attn", "<b>", "0", "decoder"])
def test_an_unknown_place_falls_back_with_one_notice_that_names_it(place):
    scene, notices = from_link({"place": place})
    assert scene.place == Scene().place
    assert len(notices) == 1 and place in notices[0]


@pytest.mark.parametrize("name", ["view", "stage"])
@pytest.mark.parametrize("raw", ["Inside", "score", "<b>", "0"])
def test_an_unknown_view_or_stage_falls_back_with_one_notice_that_names_it(name, raw):
    scene, notices = from_link({name: raw})
    assert scene == Scene()
    assert len(notices) == 1 and f"{name} {raw!r}" in notices[0]


INSIDE = {"place": "decoder.cross_attn", "view": "inside", "stage": "z"}


@pytest.mark.parametrize(
    ("link", "missing"),
    [
        (INSIDE | {"query": "3", "feature": "7"}, "key"),
        (INSIDE | {"feature": "7"}, "query and key"),
        (INSIDE | {"query": "3", "key": "4", "feature": "7"}, None),
        (INSIDE, None),
        ({"place": "decoder.cross_attn", "stage": "z", "query": "3", "key": "4"}, None),
        ({"query": "3"}, "key"),
        ({"place": "encoder.ffn", "query": "3", "stage": "mean"}, "feature"),
        ({"place": "encoder.ffn", "stage": "mean"}, None),
        ({"place": "decoder.final_norm", "query": "3", "stage": "norm_out"}, "feature"),
        ({"place": "tokens", "query": "3"}, None),
        ({"place": "tokens", "feature": "3"}, "query"),
        ({"place": "positions", "key": "3"}, None),
        ({"place": "positions", "key": "3", "panel": "similarity"}, "query"),
        ({"place": "output", "query": "3"}, None),
        ({"place": "decoding", "tab": "cache", "cell": "k"}, "row and feature"),
        ({"place": "decoding", "tab": "cache", "cell": "k.3.5"}, None),
    ],
)
def test_half_a_pin_gets_one_notice_that_names_what_is_missing(link, missing):
    scene, _ = from_link(link)
    said = [f"The link pins a cell and does not say its {missing}."] if missing else []
    assert half_pins(scene, link) == said


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("raw", NO_NUMBERS)
def test_no_number_falls_back_to_the_default_with_one_notice(name, raw):
    scene, notices = from_link({name: raw})
    assert scene == Scene()
    assert len(notices) == 1 and name in notices[0]


def test_every_attention_has_its_add_and_norm_right_above_it():
    for site, place in zip(SITES, ADD_NORMS, strict=True):
        assert PLACES.index(place) == PLACES.index(site) + 1


def test_each_stacks_final_norm_follows_its_last_block():
    for place, before in INSTEAD.items():
        assert PLACES.index(place) == PLACES.index(before) + 1


def test_only_a_pre_norm_model_has_final_norms():
    assert places_of(PRE) == PLACES
    assert places_of(CONFIG) == tuple(place for place in PLACES if place not in FINAL_NORMS)


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_a_link_to_a_final_norm_of_a_post_norm_model_leads_to_the_last_block_with_one_notice(place):
    scene, said = from_link({"place": place, "stage": "norm_out", "query": "3", "feature": "7"})
    nearest, notices = scene.within(CONFIG, 5)
    assert said == [] and len(notices) == 1
    assert place in notices[0] and "post-norm" in notices[0]
    assert nearest == replace(scene, place=INSTEAD[place], layer=1)
    assert scene.within(PRE, 5) == (replace(scene, layer=1), [])


@pytest.mark.parametrize("place", [*FEED_FORWARDS, *ADD_NORMS, *FINAL_NORMS])
@pytest.mark.parametrize(("stage", "width"), [("mean", 1), ("norm_out", 16), ("beta", 16), ("ffn_pre", 512)])
def test_a_pinned_cell_stays_within_its_stage(place, stage, width):
    config = replace(PRE, d_ff=512)
    scene, said = from_link({"place": place, "stage": stage, "feature": "9999"})
    assert said == [] and scene.within(config, 5)[0].feature == width - 1


@given(st.text())
def test_whatever_a_number_says_it_is_a_number_or_nothing(raw):
    number = whole_number(raw)
    assert number is None or str(number) == raw or raw.lstrip("-").startswith("0")


@given(st.dictionaries(st.sampled_from(NAMES), st.text(), max_size=8))
def test_no_link_at_all_makes_it_stumble(link):
    scene, notices = from_link(link)
    nearest, moved = scene.within(CONFIG, 5, 7, 6)
    assert len(notices) + len(moved) <= len(link)
    assert nearest.within(CONFIG, 5, 7, 6) == (nearest, [])


@pytest.mark.parametrize(("raw", "beam"), [("0", 1), ("-3", 1), ("1", 1), ("8", 8), ("9", 8), ("99999", 8)])
def test_a_beam_is_brought_into_its_range(raw, beam):
    scene, notices = from_link({"beam": raw})
    assert scene.beam == beam
    assert len(notices) == (str(beam) != raw)


@pytest.mark.parametrize(
    ("name", "limit"), [("layer", 3), ("head", 2), ("query", 5), ("key", 7), ("feature", 8), ("step", 6)]
)
@pytest.mark.parametrize("raw", ["0", "-1", "-99", "9", "99", "99999999"])
def test_a_count_out_of_range_moves_to_the_nearest_end_with_one_notice(name, limit, raw):
    scene, said = from_link({name: raw})
    nearest, notices = scene.within(CONFIG, n_queries=5, n_keys=7, n_steps=6)
    assert said == []
    assert getattr(nearest, name) == (0 if int(raw) < 1 else limit - 1)
    assert len(notices) == 1 and f"{name} {int(raw)};" in notices[0] and f"1 to {limit}" in notices[0]


@given(SCENES, st.sampled_from([CONFIG, PRE]))
def test_a_scene_within_limits_is_possible_and_stays(scene, config):
    scene = replace(scene, place=scene.place if scene.place in places_of(config) else INSTEAD[scene.place])
    nearest, notices = scene.within(config, n_queries=5, n_keys=7, n_steps=6)
    limits = {"layer": 3, "head": 2, "query": 5, "key": 7, "step": 6}
    if scene.place in SITES:
        limits["feature"] = 16 if scene.stage in WIDE_STAGES else 8
    elif scene.place in (*FEED_FORWARDS, *ADD_NORMS, *FINAL_NORMS):
        widths = {"mean": 1, "std": 1, "ffn_pre": CONFIG.d_ff, "ffn_hidden": CONFIG.d_ff}
        limits["feature"] = widths.get(scene.stage, 16)
    for name, limit in limits.items():
        value, asked = getattr(nearest, name), getattr(scene, name)
        assert value == asked if asked is None and name != "layer" else 0 <= value < limit
    wrong = [n for n, limit in limits.items() if getattr(scene, n) is not None and getattr(scene, n) >= limit]
    assert len(notices) == len(wrong)
    assert nearest.within(config, n_queries=5, n_keys=7, n_steps=6) == (nearest, [])
    assert (nearest.text, nearest.model, nearest.place) == (scene.text, scene.model, scene.place)


@pytest.mark.parametrize(("n_layers", "middle"), [(1, 0), (2, 1), (3, 1), (4, 2), (6, 3)])
def test_no_layer_said_means_the_middle_one_without_a_notice(n_layers, middle):
    config = Config(n_layers=n_layers, n_heads=2, d_model=16, vocab_size=300)
    nearest, notices = Scene().within(config)
    assert (nearest.layer, notices) == (middle, [])
