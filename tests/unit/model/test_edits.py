"""trace.py: the edits that make a what-if change what follows from them, and nothing else."""

import numpy as np
import pytest
import torch

from model.config import NORMS
from model.trace import TraceError
from tests.helpers.small import SRC, small_model, trace_of


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
