"""anatomy.py: what a model says it is made of is what it is made of, and what its trace holds."""

import ast
import itertools
import re
from pathlib import Path

import pytest
from torch import nn

from model.anatomy import KINDS
from model.config import NORMS
from model.layers import FeedForward, LayerNorm
from model.positions import ENCODINGS
from tests.helpers.small import SRC, TGT, small_model, trace_of
from tests.helpers.toy import toy_anatomy

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


def test_the_stream_around_a_block_is_the_traces(model):
    """What leaves is made from what enters, through the block or beside it; a layer's blocks join up."""
    trace = trace_of(model, SRC, TGT)
    ancestors = {}
    for name in trace:
        ancestors[name] = {name}.union(*(ancestors[parent] for parent in trace[name].of))
    before = {}
    for block, layer, scope in model.anatomy.scopes():
        enters, leaves = block.around(layer)
        assert leaves in trace
        if block.kind not in ("embed", "positions"):
            assert enters in ancestors[leaves]
            assert any(name.startswith(f"{scope}.") for name in ancestors[leaves])
        if layer is not None and not block.of:
            assert before.get(block.stack, enters) in ancestors[enters]
            before[block.stack] = leaves


def test_the_stream_of_a_stack_is_the_traces(model):
    trace = trace_of(model, SRC, TGT)
    for stack in model.anatomy.stacks:
        assert [name for name in trace if name in stack.stream] == list(stack.stream)
        final = model.anatomy.final_norm(stack.name)
        assert trace[stack.output].of == (f"{final.name}.norm_out" if final else stack.stream[-1],)
        assert stack is model.anatomy.stack_over(stack.side)


def test_keys_and_values_are_made_from_the_memory_or_from_the_own_stream(model):
    trace = trace_of(model, SRC, TGT)
    for block, layer, scope in model.anatomy.scopes():
        if block.kind == "attention":
            (made_of,) = trace[f"{scope}.k"].of
            assert (made_of == block.memory) == (block.queries != block.keys)
            assert block.memory is not None or made_of == trace[f"{scope}.q"].of[0]
            assert layer is not None


PLACES = (
    "tokens", "positions",
    "encoder.self_attn", "encoder.self_attn_norm", "encoder.ffn", "encoder.final_norm",
    "decoder.self_attn", "decoder.self_attn_norm", "decoder.cross_attn", "decoder.cross_attn_norm",
    "decoder.ffn", "decoder.final_norm",
    "output", "decoding",
)  # fmt: skip


def test_a_reader_can_be_at_these_places(model):
    lacks = "final_norm" if model.config.norm == "post" else "nothing"
    assert model.anatomy.places() == tuple(place for place in PLACES if not place.endswith(lacks))


def test_every_block_is_shown_at_a_place(model):
    anatomy = model.anatomy
    assert {block.shown_at for block in anatomy.blocks} | {"positions", "decoding"} == set(anatomy.places())
    shown = {block.place: block.shown_at for block in anatomy.blocks if block.shown_at != block.place}
    assert shown == {
        f"{stack}.{part}": place.format(stack)
        for stack in ("encoder", "decoder")
        for part, place in (("embed", "tokens"), ("pos", "positions"), ("ffn_norm", "{}.ffn"))
        if f"{stack}.{part}" in {block.place for block in anatomy.blocks}
    }


def test_a_place_that_the_model_lacks_leads_to_its_stacks_last_sublayer():
    anatomy = small_model(norm="post").anatomy
    for place in anatomy.places():
        assert anatomy.nearest(place) == place
    assert anatomy.nearest("encoder.final_norm") == "encoder.ffn"
    assert anatomy.nearest("decoder.final_norm") == "decoder.ffn"
    assert anatomy.nearest("no such place") == "decoder.cross_attn"


@pytest.mark.parametrize("place", ["encoder.final_norm", "decoder.final_norm"])
def test_only_post_norm_lacks_a_final_norm_and_says_why(place):
    post, pre = (small_model(norm=norm).anatomy for norm in ("post", "pre"))
    assert post.lacks(place) == "this model is post-norm and has no final norm"
    assert pre.lacks(place) is None
    assert post.lacks("final_norm") is post.lacks("no such place") is None


TITLES = {
    "encoder.self_attn": ("Encoder self-attention", "self-attention"),
    "decoder.self_attn": ("Decoder masked self-attention", "masked self-attention"),
    "decoder.cross_attn": ("Cross-attention", "cross-attention"),
    "encoder.ffn": ("Encoder feed-forward", "feed-forward"),
    "decoder.ffn": ("Decoder feed-forward", "feed-forward"),
}


@pytest.mark.parametrize(("norm", "beside"), [("post", "Add & Norm"), ("pre", "Norm & Add")])
def test_titles_are_those_of_the_screen(norm, beside):
    anatomy = small_model(norm=norm).anatomy
    found = {b.place: (b.title, b.label) for b in anatomy.blocks if b.is_layered}
    norms = {f"{place}_norm": (f"{title}: {beside}", beside) for place, (title, _) in TITLES.items()}
    assert found == TITLES | norms
    finals = [anatomy.final_norm(stack.name) for stack in anatomy.stacks]
    assert [final and final.title for final in finals] == (
        ["Encoder: final norm", "Decoder: final norm"] if norm == "pre" else [None, None]
    )


def test_sublayers_and_their_norms_belong_together(model):
    anatomy = model.anatomy
    parts = {stack.name: [block.part for block in anatomy.sublayers(stack.name)] for stack in anatomy.stacks}
    assert parts == {"encoder": ["self_attn", "ffn"], "decoder": ["self_attn", "cross_attn", "ffn"]}
    for stack in anatomy.stacks:
        for block in anatomy.sublayers(stack.name):
            norm = anatomy.norm_beside(block)
            assert (norm.kind, norm.of, norm.around(1)) == ("norm", block.place, block.around(1))
            assert (norm.queries, norm.keys, norm.causal) == (block.queries, None, False)


def test_a_place_and_a_layer_make_a_scope_and_a_scope_leads_back(model):
    anatomy = model.anatomy
    for block in anatomy.blocks:
        for layer in range(2) if block.is_layered else (None,):
            assert anatomy.find(anatomy.at(block.place).scope(layer)) == (block, layer)
    with pytest.raises(KeyError):
        anatomy.find("decoder.cross_attn")


def test_one_side_and_one_stack_make_an_anatomy():
    anatomy = toy_anatomy()
    assert [scope for _, _, scope in anatomy.scopes()] == [
        "blocks.embed", "blocks.pos",
        "blocks.0.attn_norm", "blocks.0.attn", "blocks.0.mlp_norm", "blocks.0.mlp",
        "blocks.1.attn_norm", "blocks.1.attn", "blocks.1.mlp_norm", "blocks.1.mlp",
        "blocks.final_norm",
    ]  # fmt: skip
    assert anatomy.places() == (
        "tokens", "positions",
        "blocks.attn", "blocks.attn_norm", "blocks.mlp", "blocks.final_norm",
        "decoding",
    )  # fmt: skip
    assert anatomy.at("blocks.mlp").around(1) == ("blocks.1.resid_after_attn", "blocks.1.resid_out")
    assert anatomy.at("blocks.attn").label == "masked self-attention"
    assert anatomy.nearest("decoder.cross_attn") == "blocks.attn"


def test_norms_stand_behind_their_sublayer_or_before_it():
    for norm, step in (("post", 1), ("pre", -1)):
        blocks = small_model(norm=norm).anatomy.blocks
        places = [block.place for block in blocks]
        for block in blocks:
            if block.of:
                assert places.index(block.place) == places.index(block.of) + step


def test_a_block_is_called_by_place_or_scope():
    anatomy = small_model().anatomy
    block = anatomy.at("decoder.cross_attn")
    assert (block.scope(2), block.part) == ("decoder.2.cross_attn", "cross_attn")
    assert (block.queries, block.keys, block.memory) == ("tgt", "src", "encoder.memory")
    assert anatomy.side("tgt").predicts and not anatomy.side("src").predicts


# Nobody else knows


ROOT = Path(__file__).resolve().parents[3] / "model"
FAMILY = {"transformer.py"}
"""Where the family itself is put together: its anatomy, its two passes."""
SPELT = re.compile(r"\b(encoder|decoder|src|tgt|self_attn|cross_attn)\b")
PARTS = {"encoder", "decoder", "encoder_norm", "decoder_norm", "self_attn", "cross_attn"}


def docstrings(tree):
    """Texts that stand by themselves, such as a function's first line."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_stacks_sides_and_sites_are_spelt_in_their_family_alone(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = docstrings(tree)
    found = []
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
        if is_text and SPELT.search(node.value):
            found.append(node.value)
        if isinstance(node, ast.Attribute) and node.attr in PARTS and "model" in ast.unparse(node.value):
            found.append(ast.unparse(node))
    assert found == [] or path.name in FAMILY
