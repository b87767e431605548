"""trace.py: the contract between the model and every picture, and what is refused."""

from itertools import product

import numpy as np
import pytest
import torch

from model.config import NORMS
from model.positions import ENCODINGS
from model.trace import SILENT, Editor, Rows, Trace, TraceError, Tracer
from tests.helpers.small import CHOICES, SRC, TGT, small_config, small_model, trace_of
from tests.helpers.toy import toy_anatomy

every_choice = pytest.mark.parametrize(("positions", "attention", "norm"), CHOICES)
every_build = pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))

SINUSOIDAL_POST = {
    "encoder.embed",
    "encoder.pos",
    "encoder.embedded",
    "encoder.0.resid_in",
    "encoder.0.self_attn.q",
    "encoder.0.self_attn.k",
    "encoder.0.self_attn.v",
    "encoder.0.self_attn.scores",
    "encoder.0.self_attn.scaled",
    "encoder.0.self_attn.masked",
    "encoder.0.self_attn.weights",
    "encoder.0.self_attn.z",
    "encoder.0.self_attn.out",
    "encoder.0.self_attn_norm.norm_in",
    "encoder.0.self_attn_norm.mean",
    "encoder.0.self_attn_norm.std",
    "encoder.0.self_attn_norm.norm_out",
    "encoder.0.resid_after_self_attn",
    "encoder.0.ffn.ffn_pre",
    "encoder.0.ffn.ffn_hidden",
    "encoder.0.ffn.ffn_out",
    "encoder.0.ffn_norm.norm_in",
    "encoder.0.ffn_norm.mean",
    "encoder.0.ffn_norm.std",
    "encoder.0.ffn_norm.norm_out",
    "encoder.0.resid_out",
    "encoder.memory",
    "decoder.embed",
    "decoder.pos",
    "decoder.embedded",
    "decoder.0.resid_in",
    "decoder.0.self_attn.q",
    "decoder.0.self_attn.k",
    "decoder.0.self_attn.v",
    "decoder.0.self_attn.scores",
    "decoder.0.self_attn.scaled",
    "decoder.0.self_attn.masked",
    "decoder.0.self_attn.weights",
    "decoder.0.self_attn.z",
    "decoder.0.self_attn.out",
    "decoder.0.self_attn_norm.norm_in",
    "decoder.0.self_attn_norm.mean",
    "decoder.0.self_attn_norm.std",
    "decoder.0.self_attn_norm.norm_out",
    "decoder.0.resid_after_self_attn",
    "decoder.0.cross_attn.q",
    "decoder.0.cross_attn.k",
    "decoder.0.cross_attn.v",
    "decoder.0.cross_attn.scores",
    "decoder.0.cross_attn.scaled",
    "decoder.0.cross_attn.masked",
    "decoder.0.cross_attn.weights",
    "decoder.0.cross_attn.z",
    "decoder.0.cross_attn.out",
    "decoder.0.cross_attn_norm.norm_in",
    "decoder.0.cross_attn_norm.mean",
    "decoder.0.cross_attn_norm.std",
    "decoder.0.cross_attn_norm.norm_out",
    "decoder.0.resid_after_cross_attn",
    "decoder.0.ffn.ffn_pre",
    "decoder.0.ffn.ffn_hidden",
    "decoder.0.ffn.ffn_out",
    "decoder.0.ffn_norm.norm_in",
    "decoder.0.ffn_norm.mean",
    "decoder.0.ffn_norm.std",
    "decoder.0.ffn_norm.norm_out",
    "decoder.0.resid_out",
    "decoder.states",
    "output.logits",
    "output.probs",
}
POSITION_VECTORS = {"encoder.pos", "decoder.pos"}
FINAL_NORMS = {
    f"{stack}.final_norm.{leaf}"
    for stack in ("encoder", "decoder")
    for leaf in ("norm_in", "mean", "std", "norm_out")
}
EXPECTED = {
    ("sinusoidal", "post"): SINUSOIDAL_POST,
    ("sinusoidal", "pre"): SINUSOIDAL_POST | FINAL_NORMS,
    ("learned", "post"): SINUSOIDAL_POST,
    ("none", "post"): SINUSOIDAL_POST - POSITION_VECTORS,
    ("rotary", "post"): SINUSOIDAL_POST - POSITION_VECTORS
    | {
        "encoder.0.self_attn.q_rot",
        "encoder.0.self_attn.k_rot",
        "decoder.0.self_attn.q_rot",
        "decoder.0.self_attn.k_rot",
    },
    ("alibi", "post"): SINUSOIDAL_POST - POSITION_VECTORS
    | {
        "encoder.0.self_attn.position_bias",
        "encoder.0.self_attn.biased",
        "decoder.0.self_attn.position_bias",
        "decoder.0.self_attn.biased",
    },
}


# Contract


@pytest.mark.parametrize(("positions", "norm"), EXPECTED)
def test_names_of_a_one_layer_model(positions, norm):
    trace = trace_of(small_model(positions=positions, norm=norm, n_layers=1))
    assert set(trace) == EXPECTED[positions, norm]


def test_a_second_layer_repeats_the_names_of_the_first():
    trace = trace_of(small_model())
    first, second = ({n.replace(f".{i}.", ".") for n in trace if f".{i}." in n} for i in (0, 1))
    assert first == second


@every_choice
def test_axes_match_shapes_of_the_config(positions, attention, norm):
    trace = trace_of(small_model(positions=positions, attention=attention, norm=norm))
    config = trace.config
    sizes = {
        "one": 1,
        "src": len(SRC),
        "tgt": len(TGT),
        "head": config.n_heads,
        "d_model": config.d_model,
        "d_head": config.d_head,
        "d_ff": config.d_ff,
        "vocab": config.vocab_size,
    }
    wrong = [
        name
        for name, entry in trace.items()
        if entry.value.shape != tuple(sizes[entry.sides.get(axis, axis)] for axis in entry.axes)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("site", "query", "key"),
    [
        ("encoder.0.self_attn", "src", "src"),
        ("decoder.0.self_attn", "tgt", "tgt"),
        ("decoder.0.cross_attn", "tgt", "src"),
    ],
)
def test_sides_of_weights(site, query, key):
    assert trace_of(small_model())[f"{site}.weights"].sides == {"query": query, "key": key}


def test_labels_are_the_tokens_of_each_side():
    trace = trace_of(small_model())
    labels = trace["decoder.1.cross_attn.weights"].labels
    assert labels == {"query": trace.sides["tgt"].tokens, "key": trace.sides["src"].tokens}


def test_the_side_whose_rows_predict_says_what():
    trace = trace_of(small_model())
    assert list(trace.sides) == [side.name for side in trace.anatomy.sides]
    assert trace.predicting is trace.sides["tgt"]
    assert trace.predicts == trace.sides["tgt"].predicts == ("t8", "t3", "t8", "t17", "end")
    assert trace.sides["src"].predicts == ()


def test_a_trace_of_one_side_and_one_stack():
    anatomy, config = toy_anatomy(), small_config()
    rows = Rows(("a", "b", "c"), (5, 6, 7), ("b", "c", "d"))
    tracer = Tracer(config, {"txt": rows.tokens})
    with tracer.at("blocks", query="txt"):
        tracer("embedded", torch.zeros(1, 3, 16), "batch query d_model")
        with tracer.at(1), tracer.at("attn", query="txt", key="txt"):
            tracer("weights", torch.zeros(1, 4, 3, 3), "batch head query key", of=("embedded",))
    trace = Trace(tracer.entries, {"txt": rows}, anatomy, config)
    weights = trace["blocks.1.attn.weights"]
    assert (weights.labels["key"], weights.of) == (rows.tokens, ("blocks.embedded",))
    assert trace.predicting is rows
    assert trace.predicts == rows.predicts


def test_a_side_that_a_tracer_does_not_know_is_refused():
    tracer = Tracer(small_config(), {"txt": ("a",)})
    with tracer.at("encoder", query="src"), pytest.raises(TraceError, match="need the shape"):
        tracer("embed", torch.zeros(1, 1, 16), "batch query d_model")


@every_choice
def test_parents_precede_their_child(positions, attention, norm):
    trace = trace_of(small_model(positions=positions, attention=attention, norm=norm))
    place = {name: i for i, name in enumerate(trace)}
    late = [name for name, entry in trace.items() if any(place[p] >= place[name] for p in entry.of)]
    assert late == []


@every_choice
def test_only_embeddings_and_positions_have_no_parents(positions, attention, norm):
    trace = trace_of(small_model(positions=positions, attention=attention, norm=norm))
    orphans = {name.rsplit(".", 1)[-1] for name, entry in trace.items() if not entry.of}
    assert orphans <= {"embed", "pos", "position_bias"}


def test_entries_know_their_names():
    assert all(entry.name == name for name, entry in trace_of(small_model()).items())


@every_choice
def test_values_are_read_only(positions, attention, norm):
    trace = trace_of(small_model(positions=positions, attention=attention, norm=norm))
    assert [name for name, entry in trace.items() if entry.value.flags.writeable] == []


def test_a_value_cannot_be_written():
    entry = trace_of(small_model())["encoder.memory"]
    with pytest.raises(ValueError, match="read-only"):
        entry.value[0, 0] = 1.0


def test_changing_the_model_later_changes_no_entry():
    model = small_model(positions="learned")
    trace = trace_of(model)
    before = {name: entry.value.copy() for name, entry in trace.items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    assert all(np.array_equal(before[name], trace[name].value) for name in trace)


def test_changing_a_recorded_tensor_later_changes_no_entry():
    tracer, value = (
        Tracer(small_config(), {"src": tuple("abcdef"), "tgt": tuple("vwxyz")}),
        torch.zeros(1, 6, 16),
    )
    with tracer.at("encoder", query="src"):
        tracer("embed", value, "batch query d_model")
    value.fill_(7.0)
    assert not tracer.entries["encoder.embed"].value.any()


def test_a_missing_entry_is_named():
    with pytest.raises(KeyError, match="no entry 'encoder.9.weights'"):
        trace_of(small_model())["encoder.9.weights"]


# Refusals


@pytest.fixture
def tracer():
    return Tracer(small_config(), {"src": tuple("abcdef"), "tgt": tuple("vwxyz")})


def stream(n_tokens):
    return torch.zeros(1, n_tokens, 16)


def test_recording_a_name_twice_is_refused(tracer):
    with tracer.at("encoder", query="src"):
        tracer("resid_in", stream(6), "batch query d_model")
        with pytest.raises(TraceError, match=r"encoder\.resid_in is recorded twice\."):
            tracer("resid_in", stream(6), "batch query d_model")


def test_editing_a_name_twice_is_refused():
    editor = Editor({})
    editor("embed", stream(6), "batch query d_model")
    with pytest.raises(TraceError, match="embed is recorded twice"):
        editor("embed", stream(6), "batch query d_model")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, 5, 16), "batch query d_model"),
        ((1, 6, 16), "batch d_model query"),
        ((1, 6, 16), "batch query d_ff"),
        ((1, 6, 16), "batch query width"),
        ((1, 6, 16), "batch query"),
        ((1, 6, 16), "batch head query d_model"),
        ((2, 6, 16), "batch query d_model"),
        ((), ""),
    ],
)
def test_wrong_axes_are_refused(tracer, shape, axes):
    with tracer.at("encoder", query="src"), pytest.raises(TraceError, match=r"encoder\.x: .*\.$"):
        tracer("x", torch.zeros(shape), axes)


def test_a_value_without_batch_axis_is_refused(tracer):
    with tracer.at("encoder", query="src"), pytest.raises(TraceError, match="first axis must be batch"):
        tracer("x", torch.zeros(6, 16), "query d_model")


def test_a_token_axis_without_scope_is_refused(tracer):
    with pytest.raises(TraceError, match=r"x: no scope says what its token axes \('query',\) run over\."):
        tracer("x", stream(6), "batch query d_model")


def test_a_parent_that_was_not_recorded_is_refused(tracer):
    with tracer.at("encoder", query="src"), pytest.raises(TraceError, match="parent 'y' was not recorded"):
        tracer("x", stream(6), "batch query d_model", of=("y",))


def test_a_scope_closes_after_an_error(tracer):
    with pytest.raises(RuntimeError), tracer.at("encoder", query="src"):
        raise RuntimeError
    assert tracer.full_name("x") == "x"


def test_the_silent_recorder_returns_the_value_itself():
    value = stream(6)
    with SILENT.at("anywhere", 3, query="src") as rec:
        assert rec("x", value, "any axes", of=("nobody",)) is value
