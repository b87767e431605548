"""trace.py: the contract between the model and every picture, and the edits that make a what-if."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from model.config import NORMS
from model.positions import ENCODINGS
from model.trace import SILENT, Editor, Rows, Trace, TraceError, Tracer
from tests.helpers.small import CHOICES, SRC, TGT, small_config, small_model, trace_of
from tests.unit.model.toy import toy_anatomy

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


# Recompute each entry from its parents and the weights alone


def heads(x, linear, config):
    """(token, d_model) through `linear`, split into heads (head, token, d_head)."""
    projected = x @ as_array(linear.weight).T + as_array(linear.bias)
    return projected.reshape(len(x), config.n_heads, config.d_head).transpose(1, 0, 2)


def as_array(tensor):
    return tensor.detach().numpy()


def turned(x):
    """(head, token, d_head): pair i of token p times e^(i·p·base^(−2i/d_head))."""
    d_head = x.shape[-1]
    angles = np.arange(x.shape[1])[:, None] * 10_000.0 ** (-np.arange(0, d_head, 2) / d_head)
    complex_pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([complex_pairs.real, complex_pairs.imag], -1).reshape(x.shape)


def softmax(masked):
    exps = np.exp(masked - masked.max(-1, keepdims=True))
    return exps / exps.sum(-1, keepdims=True)


class Recompute:
    """One method a leaf name; each takes the values of the entry's parents."""

    def __init__(self, model, trace, name):
        self.model, self.trace, self.config = model, trace, trace.config
        self.stack, *self.path = name.split(".")[:-1]
        self.ids = np.array(trace.sides["src"].ids if self.stack == "encoder" else trace.sides["tgt"].ids)

    @property
    def attention(self):
        return getattr(getattr(self.model, self.stack)[int(self.path[0])], self.path[1])

    @property
    def ffn(self) -> nn.Module:
        return getattr(self.model, self.stack)[int(self.path[0])].ffn

    @property
    def norm(self):
        if self.path == ["final_norm"]:
            return getattr(self.model, f"{self.stack}_norm")
        layer = getattr(self.model, self.stack)[int(self.path[0])]
        return getattr(layer, self.path[1].replace("_norm", "_add")).norm

    def embed(self):
        return as_array(self.model.embedding.weight)[self.ids] * np.sqrt(self.config.d_model)

    def pos(self):
        if self.config.positions == "learned":
            return as_array(self.model.encoding.table)[: len(self.ids)]
        d_model = self.config.d_model
        j = np.arange(d_model)
        angles = np.arange(len(self.ids))[:, None] / 10_000.0 ** ((j - j % 2) / d_model)
        return np.where(j % 2, np.cos(angles), np.sin(angles))

    def same(self, parent):
        return parent

    def sum(self, *parents):
        return sum(parents)

    embedded = norm_in = biased = sum
    resid_in = memory = states = same
    resid_after_self_attn = resid_after_cross_attn = resid_out = sum

    def q(self, x):
        return heads(x, self.attention.W_q, self.config)

    def k(self, x):
        return heads(x, self.attention.W_k, self.config)

    def v(self, x):
        return heads(x, self.attention.W_v, self.config)

    def q_rot(self, q):
        return turned(q)

    def k_rot(self, k):
        return turned(k)

    def scores(self, q, k):
        return np.einsum("hqd,hkd->hqk", q, k)

    def scaled(self, scores):
        return scores / np.sqrt(self.config.d_head)

    def position_bias(self):
        at, n_heads = np.arange(len(self.ids)), self.config.n_heads
        slopes = 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)
        return -slopes[:, None, None] * abs(at[:, None] - at[None, :])

    def masked(self, before):
        if (self.stack, self.path[1]) != ("decoder", "self_attn"):
            return before
        return np.where(np.tri(*before.shape[1:], dtype=bool), before, -np.inf)

    def weights(self, masked):
        return softmax(masked)

    def z(self, weights, v):
        return np.einsum("hqk,hkd->hqd", weights, v)

    def out(self, z):
        linear = self.attention.W_o
        merged = z.transpose(1, 0, 2).reshape(z.shape[1], -1)
        return merged @ as_array(linear.weight).T + as_array(linear.bias)

    def mean(self, norm_in):
        return norm_in.mean(-1, keepdims=True)

    def std(self, norm_in, mean):
        return np.sqrt(((norm_in - mean) ** 2).mean(-1, keepdims=True) + 1e-5)

    def norm_out(self, norm_in, mean, std):
        return (norm_in - mean) / std * as_array(self.norm.gamma) + as_array(self.norm.beta)

    def ffn_pre(self, x):
        return x @ as_array(self.ffn.W_1.weight).T + as_array(self.ffn.W_1.bias)

    def ffn_hidden(self, ffn_pre):
        return np.maximum(ffn_pre, 0)

    def ffn_out(self, ffn_hidden):
        return ffn_hidden @ as_array(self.ffn.W_2.weight).T + as_array(self.ffn.W_2.bias)

    def logits(self, states):
        return states @ as_array(self.model.embedding.weight).T

    def probs(self, logits):
        return softmax(logits)


@every_build
def test_each_entry_is_recomputed_from_its_parents_and_the_weights(positions, norm):
    model = small_model(positions=positions, norm=norm)
    trace = trace_of(model)
    wrong = []
    for name, entry in trace.items():
        recompute = getattr(Recompute(model, trace, name), name.rsplit(".", 1)[-1])
        expected = recompute(*(trace[parent].value for parent in entry.of))
        if not np.allclose(entry.value, expected, rtol=0, atol=1e-12):
            wrong.append(name)
    assert wrong == []


# Edits


def zero_a_head(z, parents):
    return z * (torch.arange(z.shape[1]) != 1)[:, None, None]


def look_at_the_first_key(weights, parents):
    return torch.zeros_like(weights).index_fill(-1, torch.tensor([0]), 1.0)


def without_scale(scaled, parents):
    return parents["scores"]


def without_mask(masked, parents):
    return parents["scaled"]


def swap_the_first_vector(embed, parents):
    return torch.cat([embed[:, 1:2], embed[:, 1:]], dim=1)


EDITS = {
    "zero a head": ("encoder.0.self_attn.z", zero_a_head),
    "zero a head of cross-attention": ("decoder.1.cross_attn.z", zero_a_head),
    "replace weights": ("encoder.1.self_attn.weights", look_at_the_first_key),
    "replace weights of cross-attention": ("decoder.0.cross_attn.weights", look_at_the_first_key),
    "remove the scale": ("decoder.0.cross_attn.scaled", without_scale),
    "remove the scale in the encoder": ("encoder.0.self_attn.scaled", without_scale),
    "lift the mask": ("decoder.0.self_attn.masked", without_mask),
    "lift the mask of the last layer": ("decoder.1.self_attn.masked", without_mask),
    "swap a vector": ("encoder.embed", swap_the_first_vector),
}
every_edit = pytest.mark.parametrize(("edit", "norm"), [(edit, norm) for edit in EDITS for norm in NORMS])


def what_if(edit, norm):
    """(trace, trace of the what-if, name of the edited entry)"""
    name, function = EDITS[edit]
    model = small_model(norm=norm)
    return trace_of(model), trace_of(model, edits={name: function}), name


def changed_names(before, after):
    return {name for name in before if not np.array_equal(before[name].value, after[name].value)}


def descendants(trace, name):
    """`name` and all that was computed from it."""
    found = {name}
    for child, entry in trace.items():
        if found & set(entry.of):
            found.add(child)
    return found


@every_edit
def test_an_edit_changes_its_entry(edit, norm):
    before, after, name = what_if(edit, norm)
    assert name in changed_names(before, after)


@every_edit
def test_an_edit_changes_nothing_before_it(edit, norm):
    before, after, name = what_if(edit, norm)
    order = list(before)
    assert changed_names(before, after) & set(order[: order.index(name)]) == set()


@every_edit
def test_an_edit_changes_only_its_descendants(edit, norm):
    before, after, name = what_if(edit, norm)
    assert changed_names(before, after) <= descendants(before, name)


@every_edit
def test_an_edit_changes_the_logits(edit, norm):
    before, after, _ = what_if(edit, norm)
    assert "output.logits" in changed_names(before, after)


@every_edit
def test_a_what_if_has_the_names_of_the_plain_trace(edit, norm):
    before, after, _ = what_if(edit, norm)
    assert list(before) == list(after)


def test_zeroing_a_head_zeroes_that_head_only():
    before, after, name = what_if("zero a head", "post")
    z = before[name].value.copy()
    z[1] = 0
    assert np.array_equal(after[name].value, z)


def test_replaced_weights_are_what_mixes_the_values():
    _, after, name = what_if("replace weights", "post")
    first = after["encoder.1.self_attn.v"].value[:, :1]
    assert np.array_equal(after["encoder.1.self_attn.z"].value, np.broadcast_to(first, (4, len(SRC), 4)))


def test_without_scale_the_raw_scores_are_masked():
    _, after, _ = what_if("remove the scale", "post")
    site = "decoder.0.cross_attn"
    assert np.array_equal(after[f"{site}.masked"].value, after[f"{site}.scores"].value)


def test_without_mask_a_query_sees_the_future():
    _, after, _ = what_if("lift the mask", "post")
    weights = after["decoder.0.self_attn.weights"].value
    assert (weights > 0).all()


def test_two_edits_act_in_one_run():
    names = ("decoder.0.self_attn.masked", "encoder.0.self_attn.z")
    both = trace_of(small_model(), edits=dict(zip(names, (without_mask, zero_a_head), strict=True)))
    assert changed_names(trace_of(small_model()), both) >= set(names)


def test_an_editor_without_edits_changes_nothing():
    assert changed_names(trace_of(small_model()), trace_of(small_model(), edits={})) == set()


def test_an_edit_of_the_memory_reaches_every_decoder_layer():
    model = small_model()
    after = trace_of(model, edits={"encoder.memory": lambda memory, parents: memory * 2})
    changed = changed_names(trace_of(model), after)
    assert {"decoder.0.cross_attn.k", "decoder.1.cross_attn.k"} <= changed


def test_an_edit_that_changes_the_shape_is_refused():
    with pytest.raises(TraceError, match=r"the edit of encoder\.embed changed its shape .*\.$"):
        trace_of(small_model(), edits={"encoder.embed": lambda value, parents: value[:, 1:]})


def test_a_misspelt_edit_is_reported():
    with pytest.raises(TraceError, match=r"no entry named encoder\.0\.self_atn\.z to edit\."):
        trace_of(small_model(), edits={"encoder.0.self_atn.z": zero_a_head})


def test_a_misspelt_edit_is_reported_beside_one_that_acts():
    edits = {"encoder.0.self_attn.z": zero_a_head, "encoder.0.self_atn.z": zero_a_head}
    with pytest.raises(TraceError, match=r"no entry named encoder\.0\.self_atn\.z to edit\."):
        trace_of(small_model(), edits=edits)


def test_a_padded_source_shows_its_mask():
    keep = torch.arange(len(SRC)) < 4
    trace = trace_of(small_model(), src_keep=keep)
    hidden = np.isneginf(trace["decoder.0.cross_attn.masked"].value)
    assert np.array_equal(hidden, np.broadcast_to(~keep.numpy(), hidden.shape))
