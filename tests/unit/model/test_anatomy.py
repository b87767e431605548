"""anatomy.py: what a model says it is made of is what it is made of, and what its trace holds."""

import itertools

import pytest
from torch import nn

from model.anatomy import KINDS
from model.config import NORMS
from model.layers import FeedForward, LayerNorm
from model.positions import ENCODINGS
from tests.unit.model.small import SRC, TGT, small_model, trace_of

MODELS = [{"norm": norm, "positions": positions} for norm, positions in itertools.product(NORMS, ENCODINGS)]


@pytest.fixture(params=MODELS, ids=lambda sizes: f"{sizes['norm']}-{sizes['positions']}")
def model(request):
    return small_model(**request.param)


def scopes(model):
    return [scope for _, _, scope in model.anatomy.scopes()]


def test_every_weight_belongs_to_blocks_and_none_to_two(model):
    """But for the embedding, which both sides and the output read, and the one encoding of both stacks."""
    modules = {id(module): module for module in (model.block(scope) for scope in scopes(model))}
    owners = [id(p) for module in modules.values() for p in module.parameters()]
    others = {id(p) for p in model.encoding.parameters()}
    assert len(owners) == len(set(owners))
    assert {id(p) for p in model.parameters()} == set(owners) | others


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_is_a_module_of_its_kind(model, kind):
    expected = {"norm": LayerNorm, "ffn": FeedForward, "embed": nn.Embedding, "unembed": nn.Embedding}
    for block, _, scope in model.anatomy.scopes():
        if block.kind == kind:
            assert isinstance(model.block(scope), expected.get(kind, nn.Module))
            assert (kind == "attention") == hasattr(model.block(scope), "W_q")


@pytest.mark.parametrize("scope", ["decoder.9.ffn", "encoder.0.cross_attn", "decoder.0", "", "embedding"])
def test_a_name_that_is_no_block_is_refused(model, scope):
    with pytest.raises(KeyError):
        model.block(scope)


def traced(model):
    """The names of a trace, in order of computation."""
    return list(trace_of(model, SRC, TGT))


def test_blocks_are_in_the_order_in_which_their_values_are_born(model):
    names = traced(model)

    def born(scope):
        return next(
            (i for i, name in enumerate(names) if name == scope or name.startswith(f"{scope}.")), None
        )

    at = [born(scope) for scope in scopes(model)]
    assert None not in at
    assert at == sorted(at)


def test_every_value_is_a_blocks_or_the_streams(model):
    own = scopes(model)
    stream = {
        "resid_in",
        "resid_out",
        "resid_after_self_attn",
        "resid_after_cross_attn",
        "embedded",
        "memory",
    }
    left = [n for n in traced(model) if not any(n == scope or n.startswith(f"{scope}.") for scope in own)]
    assert {name.rsplit(".", 1)[-1] for name in left} <= stream | {"states"}


def test_the_sides_of_an_attention_are_those_of_its_trace():
    model = small_model()
    trace, n = trace_of(model, SRC, TGT), {"src": len(SRC), "tgt": len(TGT)}
    for block, _, scope in model.anatomy.scopes():
        if block.kind == "attention":
            weights = trace[f"{scope}.weights"].value
            assert weights.shape[-2:] == (n[block.queries], n[block.keys])
            assert block.causal == bool((weights[:, 0, -1] == 0).all())


def test_norms_stand_behind_their_sublayer_or_before_it():
    for norm, step in (("post", 1), ("pre", -1)):
        blocks = small_model(norm=norm).anatomy.blocks
        places = [block.place for block in blocks]
        for block in blocks:
            if block.of:
                assert places.index(block.place) == places.index(block.of) + step


def test_a_place_and_a_layer_make_a_scope():
    anatomy = small_model().anatomy
    block = anatomy.at("decoder.cross_attn")
    assert (block.scope(2), block.queries, block.keys) == ("decoder.2.cross_attn", "tgt", "src")
    assert anatomy.side("tgt").predicts and not anatomy.side("src").predicts
