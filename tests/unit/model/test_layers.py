"""layers.py: LayerNorm, feed-forward and dropout against their formulas."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from model.anatomy import Anatomy, Stack, stack_of, sublayer
from model.config import NORMS
from model.layers import AddNorm, Dropout, FeedForward, Layer, LayerNorm, Sight
from model.positions import Where
from model.trace import SILENT, Tracer
from model.transformer import causal_keep
from tests.helpers.rounding import APART
from tests.helpers.small import default_dtype, shake, small_config, small_model

MANY = 400_000


def random(dtype, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=dtype)


@pytest.mark.parametrize("dtype", APART)
def test_layer_norm_equals_torch(dtype):
    with default_dtype(dtype):
        norm = LayerNorm(16)
    shake(norm, 1)
    x = 3 * random(dtype, 2, 5, 16) + 1
    expected = F.layer_norm(x, (16,), norm.gamma, norm.beta, norm.eps)
    torch.testing.assert_close(norm(x), expected, rtol=0, atol=APART[dtype])


def test_layer_norm_of_a_constant_row_is_beta():
    norm = LayerNorm(16)
    shake(norm, 1)
    assert torch.equal(norm(torch.full((1, 1, 16), 7.0))[0, 0], norm.beta)


@pytest.mark.parametrize("dtype", APART)
def test_feed_forward_equals_the_formula(dtype):
    with default_dtype(dtype):
        ffn = FeedForward(small_config())
    x = random(dtype, 2, 5, 16)
    hidden = torch.clamp(torch.einsum("bqd,hd->bqh", x, ffn.W_1.weight) + ffn.W_1.bias, min=0)
    expected = torch.einsum("bqh,dh->bqd", hidden, ffn.W_2.weight) + ffn.W_2.bias
    torch.testing.assert_close(ffn(x), expected, rtol=0, atol=APART[dtype])


def dropped(p):
    torch.manual_seed(5)
    return Dropout(p).train()(torch.ones(MANY))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_dropout_zeroes_the_right_share(p):
    # p is rounded to 1/256; the noise of MANY draws is below 0.003 at four standard deviations.
    share = (dropped(p) == 0).float().mean().item()
    assert share == pytest.approx(p, abs=1 / 512 + 0.003)


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_dropout_keeps_the_mean(p):
    # Four standard deviations of a mean of MANY draws.
    noise = 4 * (p / (1 - p) / MANY) ** 0.5
    assert dropped(p).double().mean().item() == pytest.approx(1, abs=noise)


def test_dropout_draws_each_value_on_its_own():
    lost = (dropped(0.5) == 0).double()
    assert (lost[1:] * lost[:-1]).mean().item() == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("p", [0.0, 0.5, 0.999])
def test_dropout_in_eval_mode_is_the_identity(p):
    x = random(torch.float32, 3, 5)
    assert Dropout(p).eval()(x) is x


def test_dropout_of_nothing_is_the_identity_while_training():
    x = random(torch.float32, 3, 5)
    assert Dropout(0.0).train()(x) is x


def test_dropout_next_to_one_stays_finite():
    assert dropped(0.999).isfinite().all()


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 7)])
def test_dropout_keeps_any_shape(shape):
    assert Dropout(0.5).train()(torch.ones(shape)).shape == shape


def test_dropout_lets_gradients_through_where_it_kept():
    torch.manual_seed(5)
    x = torch.ones(1000, requires_grad=True)
    y = Dropout(0.5).train()(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


# A layer is a list of sublayers


def toy_layer(norm, dtype=torch.float64):
    """A layer of no model here: feed-forward first, then attention to itself, then to something else."""
    stack = Stack("blocks", "blocks", "txt", 1, "blocks.states")
    sublayers = (
        sublayer(stack, "mlp", "ffn", "Feed-forward"),
        sublayer(stack, "attn", "attention", "Masked self-attention", keys="txt", causal=True),
        sublayer(stack, "look", "attention", "Attention to pictures", keys="img", memory="vision.memory"),
    )
    anatomy = Anatomy((), (stack,), stack_of(stack, sublayers, norm, adds_positions=False))
    with default_dtype(dtype):
        torch.manual_seed(0)
        layer = Layer(small_config(norm=norm), anatomy.sublayers("blocks"))
        shake(layer, 1)
    return layer.eval()


def toy_sights(n_rows, n_keys=3):
    at = torch.arange(5)
    own = Sight(causal_keep(n_rows, 5), Where(at[-n_rows:], at))
    pictures = Sight(torch.ones(1, 1, 1, n_keys, dtype=torch.bool), Where(at[-n_rows:], at[:n_keys]))
    return {"txt": own, "img": replace(pictures, memory=random(torch.float64, 1, n_keys, 16))}


def composed(layer, norm, resid, sights):
    """The same sums, written out."""
    for part, side in (("mlp", None), ("attn", "txt"), ("look", "img")):
        module, own_norm = getattr(layer, part), getattr(layer, f"{part}_add").norm
        x = own_norm(resid) if norm == "pre" else resid
        if side is None:
            out = module(x)
        else:
            sight = sights[side]
            out = module(x, x if sight.memory is None else sight.memory, sight.keep, sight.where)
        resid = resid + out if norm == "pre" else own_norm(resid + out)
    return resid


@pytest.mark.parametrize("norm", NORMS)
def test_a_layer_runs_its_sublayers_in_the_order_of_the_list(norm):
    layer, resid, sights = toy_layer(norm), random(torch.float64, 1, 5, 16), toy_sights(5)
    assert torch.equal(layer(resid, sights), composed(layer, norm, resid, sights))


@pytest.mark.parametrize("norm", NORMS)
def test_rows_that_ask_alone_get_what_they_get_among_all(norm):
    layer, resid = toy_layer(norm), random(torch.float64, 1, 5, 16)
    mlp, attn, look = layer.blocks
    alone = layer.through(mlp, resid, {})
    alone = layer.through(attn, alone, toy_sights(2), rows=slice(-2, None))
    alone = layer.through(look, alone, toy_sights(2))
    torch.testing.assert_close(alone, layer(resid, toy_sights(5))[:, -2:], rtol=0, atol=APART[torch.float64])


@pytest.mark.parametrize("norm", NORMS)
def test_a_layer_names_its_values_by_its_parts_and_says_what_each_is_made_of(norm):
    layer, resid, sights = toy_layer(norm), random(torch.float64, 1, 5, 16), toy_sights(5)
    tracer = Tracer(small_config(), {"txt": tuple("abcde"), "img": tuple("xyz")})
    with tracer.at("vision", query="img"):
        tracer("memory", sights["img"].memory, "batch query d_model")
    with tracer.at("blocks", 0, query="txt"):
        recorded = layer(tracer("resid_in", resid, "batch query d_model"), sights, tracer)
    assert torch.equal(recorded, layer(resid, sights))
    entries = {name.removeprefix("blocks.0."): entry for name, entry in tracer.entries.items()}
    stream = ["resid_in", "resid_after_mlp", "resid_after_attn", "resid_out"]
    assert [name for name in entries if "." not in name and name != "vision.memory"] == stream
    assert entries["look.weights"].labels == {"query": tuple("abcde"), "key": tuple("xyz")}
    assert entries["look.k"].of == ("vision.memory",)
    read = {"post": "resid_after_mlp", "pre": "attn_norm.norm_out"}[norm]
    assert entries["attn.k"].of == entries["attn.q"].of == (f"blocks.0.{read}",)


def test_a_layers_weights_are_called_by_its_parts():
    names = {name.partition(".")[0] for name, _ in toy_layer("pre").named_parameters()}
    assert names == {"mlp", "mlp_add", "attn", "attn_add", "look", "look_add"}


# Where dropout acts


def test_dropout_acts_on_the_output_of_a_sublayer():
    torch.manual_seed(5)
    add = AddNorm(small_config(norm="pre", dropout=0.5), "ffn").train()
    after = add.after(torch.full((1, 40, 16), 10.0), torch.ones(1, 40, 16), ("resid_in", "out"), SILENT)
    assert set(after.unique().tolist()) == {10.0, 12.0}


def test_dropout_acts_on_the_embedded_tokens():
    torch.manual_seed(5)
    model = small_model(positions="none", dropout=0.5).train()
    embedded = model.embed(torch.tensor([[5, 6, 7]]), torch.arange(3))
    assert 0 < (embedded == 0).double().mean() < 1


@pytest.mark.parametrize("norm", NORMS)
def test_dropout_leaves_a_model_in_eval_mode_alone(norm):
    ids = torch.tensor([[5, 6, 7]])
    with_dropout, without = (small_model(norm=norm, dropout=p) for p in (0.5, 0.0))
    keep = torch.ones_like(ids, dtype=torch.bool)
    assert torch.equal(with_dropout(ids, ids, keep), without(ids, ids, keep))
