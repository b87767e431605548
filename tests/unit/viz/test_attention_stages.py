"""The stages of an attention are read off the trace: a variant's own stand among them, no list changed."""

from __future__ import annotations

import pytest

from model import load
from model.attention import ATTENTIONS
from tests.helpers import checkpoints
from tests.helpers.asked import asked_of, first
from tests.helpers.places import SITES
from tests.helpers.variant import Capped
from tests.unit.viz.test_transport import unpack
from viz.instruments.attention import LINK, exact
from viz.instruments.link import read

TEXT = "Where is the station?"
USUAL = ["x_q", "x_kv", "q", "k", "v", "scores", "scaled", "masked", "weights", "z", "concat", "out"]
OF = {
    "x_q": [], "x_kv": [], "q": ["x_q"], "k": ["x_kv"], "v": ["x_kv"], "scores": ["q", "k"],
    "scaled": ["scores"], "masked": ["scaled"],
    "weights": ["masked"], "z": ["weights", "v"], "concat": ["z"], "out": ["concat"],
}  # fmt: skip
AXES = {
    "x_q": ("query", "d_model"), "x_kv": ("key", "d_model"), "q": ("query", "d_head"), "k": ("key", "d_head"),
    "v": ("key", "d_head"), "z": ("query", "d_head"), "concat": ("query", "d_model"),
    "out": ("query", "d_model"),
}  # fmt: skip
ROLES = {
    "x_q": "query", "q": "query", "x_kv": "key", "k": "key", "v": "value", "z": "value", "concat": "output",
    "out": "output",
}  # fmt: skip
WITHOUT_HEADS = {"x_q", "x_kv", "concat", "out"}


def places(trace):
    return unpack(first("attention", (None, trace, None)))[0]["places"]


def traced(folder, **changes):
    glass = load(checkpoints.make(folder, "stages", 2, 2, **changes))
    return glass.trace(TEXT, [5, 6, 7])


def names(described):
    return [stage["name"] for stage in described["stages"]]


def test_stages_stand_in_the_order_of_computation_each_with_what_it_is_made_from(trace):
    for described in places(trace).values():
        assert names(described) == USUAL
        for stage in described["stages"]:
            name = stage["name"]
            assert stage["of"] == OF[name]
            assert (stage["rows"], stage["columns"]) == AXES.get(name, ("query", "key"))
            assert stage["head"] == (name not in WITHOUT_HEADS)
            assert stage["role"] == ROLES.get(name)


def test_every_stage_but_what_the_browser_joins_has_numbers_and_a_full_name(trace):
    for place, described in places(trace).items():
        header, arrays = unpack(exact(trace, place, 0))
        assert [*header["names"]] == [name for name in names(described) if name != "concat"]
        assert set(header["names"]) == set(arrays) | set(header["same"])


@pytest.mark.parametrize(
    ("positions", "more"),
    [
        ("rotary", {"q_rot": ["q"], "k_rot": ["k"], "scores": ["q_rot", "k_rot"]}),
        ("alibi", {"position_bias": [], "biased": ["scaled", "position_bias"], "masked": ["biased"]}),
    ],
)
def test_an_encodings_own_stages_stand_where_it_acts_and_the_next_one_is_made_from_them(
    tmp_path, positions, more
):
    for place, described in places(traced(tmp_path, positions=positions)).items():
        of = {stage["name"]: stage["of"] for stage in described["stages"]}
        assert of == (OF if place == "decoder.cross_attn" else OF | more)


def test_a_turned_key_still_answers_and_only_what_is_mixed_is_a_value(tmp_path):
    described = places(traced(tmp_path, positions="rotary"))["encoder.self_attn"]
    roles = {stage["name"]: stage["role"] for stage in described["stages"]}
    assert roles == dict.fromkeys(roles, None) | ROLES | {"q_rot": "query", "k_rot": "key"}


def test_another_variants_extra_stage_stands_among_them_with_no_edit(tmp_path, monkeypatch):
    monkeypatch.setitem(ATTENTIONS, "capped", Capped)
    trace = traced(tmp_path, attention="capped")
    for place, described in places(trace).items():
        assert names(described) == [*USUAL[:7], "capped", *USUAL[7:]]
        capped = described["stages"][7]
        assert (capped["of"], capped["rows"], capped["columns"]) == (["scaled"], "query", "key")
        assert described["stages"][8]["of"] == ["capped"]
        _, arrays = unpack(exact(trace, place, 1))
        assert arrays["capped"].tobytes() == trace[f"{place.replace('.', '.1.')}.capped"].value.tobytes()


def test_what_an_attention_reads_is_said_in_words(tmp_path):
    post, pre = (places(traced(tmp_path / norm, norm=norm)) for norm in ("post", "pre"))
    for place in SITES:
        assert post[place]["given"]["x_q"]["formula"] == "this stream"
        assert pre[place]["given"]["x_q"]["formula"] == "norm_out"
        assert pre[place]["given"]["x_q"]["said"].endswith("enters this block, after its norm")
        is_cross = place == "decoder.cross_attn"
        assert post[place]["given"]["x_kv"]["formula"] == ("encoder's output" if is_cross else "same stream")


def test_captions_say_who_asks_whom(trace):
    assert [places(trace)[place]["caption"] for place in SITES] == [
        "Each source token (row) asks all source tokens (columns) what to take in.",
        "Each target token (row) asks itself and those before it (columns), none after it.",
        "Each target token (row) asks the source tokens (columns) the encoder made.",
    ]


def test_only_where_another_stack_answers_have_keys_its_sides_colour(trace):
    found = places(trace)
    assert {place: found[place]["tint"] for place in SITES} == dict.fromkeys(SITES) | {
        "decoder.cross_attn": "source"
    }
    assert [found[place]["self"] for place in SITES] == [True, True, False]


def test_the_end_token_is_the_last_real_key_of_a_side_that_does_not_predict(small_glass):
    trace = small_glass.trace(TEXT, [5, 6, 7], pad_to=12)
    found = places(trace)
    last = found["encoder.self_attn"]["real"]["key"] - 1
    assert trace.sides["src"].tokens[last] == "⟨/s⟩"
    assert [found[place]["end"] for place in SITES] == [last, None, last]


def test_parents_precede_their_child(trace):
    for described in places(trace).values():
        order = names(described)
        for stage in described["stages"]:
            assert all(order.index(parent) < order.index(stage["name"]) for parent in stage["of"])


def test_a_link_can_pin_a_cell_of_any_stage_and_of_the_padding(small_glass):
    page = small_glass, small_glass.trace(TEXT, [5, 6, 7]), None
    feature = {"query": 1, "feature": 9, "view": "inside"}
    for stage, moved in (("z", 1), ("out", 0), ("concat", 0)):
        asked = asked_of(page, "decoder.self_attn", stage=stage, key=1, **feature)
        assert len(read(LINK, asked).moved) == moved, stage
    beyond = {"query": 1, "key": 99, "stage": "masked", "view": "inside"}
    assert read(LINK, asked_of(page, "decoder.self_attn", **beyond)).moved
    assert not read(LINK, asked_of(page, "decoder.self_attn", padded=1, **beyond)).moved
    assert read(LINK, asked_of(page, "decoder.self_attn", stage="norm_out")).nonsense
