"""link.py: each kind of parameter, and the table of each instrument; nonsense costs one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.limits import Limit
from tests.helpers.asked import asked_of
from tests.helpers.messages import unpack
from viz.instruments.base import Asked, instruments
from viz.instruments.link import (
    Cell,
    Choice,
    Count,
    Flag,
    Ids,
    Moved,
    Nonsense,
    Number,
    Text,
    half_pinned,
    read,
    whole_number,
)

TEXT = "Where is the station?"
FIVE = Count("layer", lambda asked: 5)
NO_NUMBERS = ["zzz", "١", "1e3", "1.5", "--5", "-", "²", "½", "0x1", " ", "9" * 5000, "-" + "9" * 30, "1\n"]
KINDS = [
    (FIVE, "3", 2),
    (Count("node"), "999", 998),
    (Choice("view", ("heads", "inside")), "inside", "inside"),
    (Choice("stage", lambda asked: ("q", "k")), "k", "k"),
    (Flag("padded"), "1", True),
    (Flag("padded"), "false", False),
    (Number("alpha", Limit("alpha", 0, 2)), "0.6", 0.6),
    (Number("k", lambda asked: Limit("k", 0, 9, whole=True)), "9", 9),
    (Text("reference", 5), "a b ü", "a b ü"),
    (Ids("forced"), "12.7.301_20", "12.7.301_20"),
    (Cell("cell", ("k", "v")), "v.3.5", "v.3.5"),
]
NOWHERE = [
    (FIVE, "9", 4, "The link asks for layer 9; here they run from 1 to 5."),
    (FIVE, "0", 0, "The link asks for layer 0; here they run from 1 to 5."),
    (
        Number("alpha", Limit("alpha", 0, 2)),
        "2.5",
        2,
        "The link asks for alpha 2.5; here it runs from 0 to 2.",
    ),
    (Text("said", 3), "abcd", "abc", "The link's said has more than 3 characters: it ends there."),
]
WRONG = [
    *[(FIVE, raw, "which is no whole number.") for raw in NO_NUMBERS],
    (Number("alpha", Limit("alpha", 0, 2)), "x", "The link's alpha is 'x', which is no number."),
    (Number("alpha", Limit("alpha", 0, 2)), "nan", "which is no number."),
    (Number("seed", Limit("seed", 0, 2, whole=True)), "1.0", "which is no whole number."),
    (Choice("view", ("heads",)), "Heads", "There is no view 'Heads' here."),
    (Flag("padded"), "yes", "The link's padded is 'yes', which is neither true nor false."),
    (Ids("forced"), "1..2", "The link's forced is '1..2', which is no list of numbers."),
    (Cell("cell", ("k",)), "q.1.1", "There is no cell 'q.1.1' here."),
    (Cell("cell", ("k",)), "k", "The link pins a cell and does not say its row and feature."),
    (Cell("cell", ("k",)), "k.2", "The link pins a cell and does not say its feature."),
]


def link_of(**values) -> Asked:
    return Asked(None, "toy", values={name: str(value) for name, value in values.items()})


@pytest.mark.parametrize(("parameter", "raw", "value"), KINDS)
def test_a_value_that_makes_sense_is_read_without_a_word(parameter, raw, value):
    found = read((parameter,), link_of(**{parameter.name: raw}))
    assert found.values == {parameter.name: value}
    assert (found.nonsense, found.moved) == ((), ())


@pytest.mark.parametrize(("parameter", "raw", "nearest", "said"), NOWHERE)
def test_a_value_beyond_what_there_is_moves_to_the_nearest_with_one_sentence(parameter, raw, nearest, said):
    found = read((parameter,), link_of(**{parameter.name: raw}))
    assert found.values == {parameter.name: nearest}
    assert (found.nonsense, found.moved) == ((), (said,))
    with pytest.raises(Moved):
        parameter.read(raw, link_of())


@pytest.mark.parametrize(("parameter", "raw", "said"), WRONG)
def test_nonsense_is_left_out_with_one_sentence(parameter, raw, said):
    found = read((parameter,), link_of(**{parameter.name: raw}))
    assert (found.values, found.moved) == ({}, ())
    assert len(found.nonsense) == 1 and found.nonsense[0].endswith(said)
    assert len(found.nonsense[0]) < 150
    with pytest.raises(Nonsense):
        parameter.read(raw, link_of())


@pytest.mark.parametrize("parameter", [parameter for parameter, _, _ in KINDS])
def test_what_a_link_does_not_say_is_not_read(parameter):
    assert (
        read((parameter,), link_of()).values
        == read((parameter,), link_of(**{parameter.name: ""})).values
        == {}
    )


@given(st.text())
def test_whatever_a_number_says_it_is_a_number_or_nothing(raw):
    number = whole_number(raw)
    assert number is None or str(number) == raw or raw.lstrip("-").startswith("0")


def test_only_the_open_tab_is_read():
    table = (Choice("tab", ("one", "two")), Number("alpha", Limit("alpha", 0, 2), tab="two"))
    assert read(table, link_of(alpha="x")).nonsense == ()
    assert read(table, link_of(tab="two", alpha="1")).values == {"tab": "two", "alpha": 1.0}
    assert len(read(table, link_of(tab="two", alpha="x")).nonsense) == 1


PINS = (
    Count("query", while_pinned=True),
    Count("key", while_pinned=True),
    Count("feature", while_pinned=True, when=lambda asked: asked.values.get("view") == "inside"),
)


@pytest.mark.parametrize(
    ("link", "missing"),
    [
        ({}, None),
        ({"query": 3}, "key"),
        ({"query": 3, "key": 4}, None),
        ({"view": "inside", "query": 3, "feature": 7}, "key"),
        ({"view": "inside", "feature": 7}, "query and key"),
        ({"view": "inside", "query": 3, "key": 4, "feature": 7}, None),
    ],
)
def test_half_a_pin_gets_one_sentence_that_names_what_is_missing(link, missing):
    said = f"The link pins a cell and does not say its {missing}." if missing else None
    assert half_pinned(PINS, link_of(**link)) == said


@pytest.fixture(scope="module")
def page(small_glass):
    translation = small_glass.translate(TEXT)
    return small_glass, small_glass.trace(TEXT, translation), translation


def everywhere(glass):
    """Every instrument at each of its places."""
    anatomy = glass.model.anatomy
    return [(each, place) for each in instruments().values() for place in each.places(anatomy)]


def test_every_table_names_each_parameter_once_and_travels_to_the_browser(page):
    for instrument, place in everywhere(page[0]):
        asked = asked_of(page, place)
        header, _ = unpack(instrument.first(asked))
        assert header["link"] == [parameter.described(asked) for parameter in instrument.link]
        names = [row["name"] for row in header["link"]]
        assert len(set(names)) == len(names), instrument.name
        assert json.loads(json.dumps(header["link"])) == header["link"]
        kinds = {"count", "choice", "flag", "number", "text", "ids"}
        assert {row["kind"] for row in header["link"]} <= kinds


def test_nothing_at_all_in_a_link_makes_a_table_stumble(page):
    for instrument, place in everywhere(page[0]):
        for raw in ("x", "0", "-1", "1", "99999999", "k", "1.2", "inside", "state", "added"):
            asked = asked_of(page, place, **{parameter.name: raw for parameter in instrument.link})
            found = read(instrument.link, asked)
            assert len(found.nonsense) + len(found.moved) <= len(instrument.link) + 1
            said = {name: value for name, value in found.values.items()}
            assert set(said) <= {parameter.name for parameter in instrument.link}


@pytest.mark.parametrize(
    ("place", "link", "missing"),
    [
        ("decoder.cross_attn", {"view": "inside", "stage": "z", "query": 3, "feature": 7}, "key"),
        ("decoder.cross_attn", {"view": "inside", "stage": "z", "feature": 7}, "query and key"),
        ("decoder.cross_attn", {"view": "inside", "stage": "z"}, None),
        ("decoder.cross_attn", {"stage": "z", "query": 3, "key": 4}, None),
        ("decoder.cross_attn", {"query": 3}, "key"),
        ("encoder.ffn", {"query": 3, "stage": "mean"}, "feature"),
        ("encoder.ffn", {"stage": "mean"}, None),
        ("tokens", {"query": 3}, None),
        ("tokens", {"feature": 3}, "query"),
        ("positions", {"key": 3}, None),
        ("positions", {"key": 3, "panel": "similarity"}, "query"),
        ("output", {"query": 3}, None),
        ("decoding", {"tab": "cache", "cell": "k"}, "row and feature"),
        ("decoding", {"tab": "cache", "cell": "k.3.5"}, None),
        ("decoding", {"cell": "k"}, None),
    ],
)
def test_half_a_pin_of_each_place_gets_one_sentence(page, place, link, missing):
    (instrument,) = (each for each, where in everywhere(page[0]) if where == place)
    said = (f"The link pins a cell and does not say its {missing}.",) if missing else ()
    assert read(instrument.link, asked_of(page, place, **link)).nonsense == said


@pytest.mark.parametrize(
    ("place", "name", "most", "more"),
    [
        ("encoder.self_attn", "layer", 3, {}),
        ("encoder.self_attn", "head", 2, {}),
        ("decoder.cross_attn", "feature", 8, {"view": "inside", "stage": "z"}),
        ("decoder.cross_attn", "feature", 16, {"view": "inside", "stage": "out"}),
        ("decoder.ffn", "feature", 1, {"stage": "mean"}),
        ("decoder.ffn", "feature", 16, {"stage": "gamma"}),
        ("decoder.ffn", "feature", 32, {"stage": "ffn_hidden"}),
        ("encoder.self_attn_norm", "feature", 16, {"stage": "norm_out"}),
        ("tokens", "feature", 16, {}),
        ("positions", "query", 32, {}),
    ],
)
def test_counts_run_as_far_as_the_model_goes(page, place, name, most, more):
    glass = page[0]
    expected = {16: glass.config.d_model, 8: glass.config.d_head, 32: glass.config.d_ff}.get(most, most)
    expected = 32 if place == "positions" else expected
    (instrument,) = (each for each, where in everywhere(glass) if where == place)
    for raw, value in (("1", 0), (str(expected), expected - 1), (str(expected + 1), expected - 1)):
        found = read(instrument.link, asked_of(page, place, **more, **{name: raw}))
        assert found.values[name] == value
        assert len(found.moved) == (int(raw) > expected)


@pytest.mark.parametrize(("side", "name"), [("source", "src"), ("target", "tgt"), (None, "src")])
def test_tokens_count_on_the_side_that_the_link_opens(page, side, name):
    glass, trace, _ = page
    n = len(trace.sides[name].tokens)
    more = {"side": side} if side else {}
    asked = asked_of(page, "tokens", query=n + 1, **more)
    assert read(instruments()["tokens"].link, asked).values["query"] == n - 1
