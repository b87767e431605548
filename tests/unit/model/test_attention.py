"""attention.py against torch's scaled_dot_product_attention, and the properties that every variant keeps."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F

from model.attention import ATTENTIONS, Cache, make_attention, softmax_over_keys
from model.positions import ENCODINGS, Where, make_encoding
from model.trace import Recorder
from model.transformer import causal_keep
from tests.helpers.pairs import pairwise, spread
from tests.helpers.rounding import APART
from tests.helpers.small import SEEDS, SIZES, default_dtype, shake, small_config

N_QUERIES, N_KEYS = 5, 7
D_MODEL = SIZES["d_model"]


class Collect(Recorder):
    """Keeps what an attention records, batch axis and all."""

    def __init__(self):
        self.values = {}

    def __call__(self, name, value, axes, of=()):
        self.values[name] = value
        return value


def build(seed=0, dtype=torch.float64, attention="softmax", **changes):
    with default_dtype(dtype):
        torch.manual_seed(seed)
        config = small_config(attention=attention, **changes)
        module = make_attention(config)
        shake(module, seed)
    return module.eval()


def random(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_padding(batch, n_keys):
    """Row b of the batch has b padded keys at its end, and one at least."""
    return torch.arange(n_keys)[None, :] < n_keys - 1 - torch.arange(batch)[:, None]


def inputs(kind, batch, dtype=torch.float64, seed=1):
    """(x_q, x_kv, keep) of one kind of attention."""
    x_kv = random(seed, batch, N_KEYS, D_MODEL, dtype=dtype)
    everything = torch.ones(batch, 1, 1, N_KEYS, dtype=torch.bool)
    if kind == "self":
        return x_kv, x_kv, everything
    if kind == "causal":
        return x_kv, x_kv, causal_keep(N_KEYS, N_KEYS)[None, None]
    padded = some_padding(batch, N_KEYS)[:, None, None, :]
    if kind == "padded":
        return x_kv, x_kv, padded
    if kind == "causal and padded":
        return x_kv, x_kv, causal_keep(N_KEYS, N_KEYS) & padded
    return random(seed + 1, batch, N_QUERIES, D_MODEL, dtype=dtype), x_kv, padded


def run(module, x_q, x_kv, keep, positions="none"):
    """What the module records; keys and queries are numbered from 0."""
    rec, encoding = Collect(), make_encoding(small_config(positions=positions))
    with torch.inference_mode():
        where = Where(torch.arange(x_q.shape[1]), torch.arange(x_kv.shape[1]), encoding)
        module(x_q, x_kv, keep, where, rec)
    return rec.values


def random_keep(seed, batch=2):
    """A random mask (batch, 1, query, key) with one fully masked row."""
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(batch, 1, N_QUERIES, N_KEYS, generator=generator) < 0.6
    return keep & (torch.arange(N_QUERIES) != seed % N_QUERIES)[:, None]


def run_masked(seed, attention, positions):
    """(values, keep) of a random attention under a random mask."""
    module, keep = build(seed, attention=attention), random_keep(seed)
    x_q, x_kv = random(seed, 2, N_QUERIES, D_MODEL), random(seed + 100, 2, N_KEYS, D_MODEL)
    return run(module, x_q, x_kv, keep, positions), keep.expand(2, SIZES["n_heads"], N_QUERIES, N_KEYS)


every_seed = pytest.mark.parametrize("seed", SEEDS)
every_choice_and_seed = pytest.mark.parametrize(
    ("attention", "positions", "seed"), spread(list(product(ATTENTIONS, ENCODINGS)), SEEDS)
)


# Golden


@pytest.mark.parametrize(
    ("kind", "n_heads", "batch", "dtype"),
    pairwise(["self", "causal", "padded", "causal and padded", "cross"], [1, 2, 4], [1, 3], list(APART)),
)
def test_attention_equals_torch(kind, n_heads, batch, dtype):
    module = build(dtype=dtype, n_heads=n_heads)
    x_q, x_kv, keep = inputs(kind, batch, dtype)

    def heads(x, linear):
        projected = F.linear(x, linear.weight, linear.bias)
        return projected.view(batch, x.shape[1], n_heads, D_MODEL // n_heads).permute(0, 2, 1, 3)

    z = F.scaled_dot_product_attention(
        heads(x_q, module.W_q), heads(x_kv, module.W_k), heads(x_kv, module.W_v), attn_mask=keep
    )
    merged = z.permute(0, 2, 1, 3).reshape(batch, x_q.shape[1], D_MODEL)
    expected = F.linear(merged, module.W_o.weight, module.W_o.bias)
    out = run(module, x_q, x_kv, keep)["out"]
    torch.testing.assert_close(out, expected, rtol=0, atol=APART[dtype])


def test_weights_of_each_head_equal_torch():
    module = build()
    x_q, x_kv, keep = inputs("cross", 3)
    theirs = torch.nn.MultiheadAttention(D_MODEL, 4, batch_first=True, dtype=torch.float64)
    projections = (module.W_q, module.W_k, module.W_v)
    theirs.in_proj_weight.data = torch.cat([linear.weight for linear in projections])
    theirs.in_proj_bias.data = torch.cat([linear.bias for linear in projections])
    _, expected = theirs(x_q, x_kv, x_kv, key_padding_mask=~keep[:, 0, 0], average_attn_weights=False)
    torch.testing.assert_close(run(module, x_q, x_kv, keep)["weights"], expected, rtol=0, atol=1e-12)


def test_a_fully_masked_row_equals_torch():
    q, k, v = (random(seed, 1, 2, 3, 4) for seed in (1, 2, 3))
    keep = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    weights = softmax_over_keys((q @ k.mT / 2).masked_fill(~keep, -torch.inf))
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
    torch.testing.assert_close(weights @ v, expected, rtol=0, atol=1e-12)


def test_gradients_of_a_fully_masked_row_are_numbers():
    masked = torch.full((2, 3), -torch.inf).requires_grad_()
    softmax_over_keys(masked).sum().backward()
    assert masked.grad.isfinite().all()


# Properties of every registered attention, under every encoding


@every_choice_and_seed
def test_rows_of_weights_sum_to_one_or_zero(attention, positions, seed):
    values, keep = run_masked(seed, attention, positions)
    expected = keep.any(-1).to(torch.float64)
    torch.testing.assert_close(values["weights"].sum(-1), expected, rtol=0, atol=1e-12)


@every_choice_and_seed
def test_weights_are_exactly_zero_where_masked(attention, positions, seed):
    values, keep = run_masked(seed, attention, positions)
    assert not values["weights"][~keep].any()


@every_choice_and_seed
def test_a_query_that_sees_no_key_mixes_nothing(attention, positions, seed):
    values, keep = run_masked(seed, attention, positions)
    assert not values["z"][~keep.any(-1)].any()


@every_choice_and_seed
def test_contributions_of_heads_and_bias_sum_to_out(attention, positions, seed):
    module = build(seed, attention=attention)
    values = run(module, *inputs("cross", 2, seed=seed), positions)
    columns = module.W_o.weight.unflatten(1, (module.n_heads, module.d_head))
    contributions = torch.einsum("bhqd,mhd->hbqm", values["z"], columns)
    expected = contributions.sum(0) + module.W_o.bias
    torch.testing.assert_close(values["out"], expected, rtol=0, atol=1e-12)


def permuted_keys(attention, seed):
    """(values, values with keys and values permuted, permutation)"""
    module = build(seed, attention=attention)
    x_q, x_kv, keep = inputs("cross", 2, seed=seed)
    order = torch.randperm(N_KEYS, generator=torch.Generator().manual_seed(seed))
    return run(module, x_q, x_kv, keep), run(module, x_q, x_kv[:, order], keep[..., order]), order


@every_seed
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_permuting_keys_permutes_columns_of_weights(attention, seed):
    straight, permuted, order = permuted_keys(attention, seed)
    torch.testing.assert_close(permuted["weights"], straight["weights"][..., order], rtol=0, atol=1e-12)


@every_seed
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_permuting_keys_leaves_out(attention, seed):
    straight, permuted, _ = permuted_keys(attention, seed)
    torch.testing.assert_close(permuted["out"], straight["out"], rtol=0, atol=1e-12)


def test_an_unknown_attention_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match="attention must be one of .*softmax.*, not 'linear'"):
        make_attention(small_config(attention="linear"))


# Cache


def test_a_growing_cache_holds_old_keys_before_new_ones():
    cache = Cache(grows=True)
    cache.update(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4))
    k, _ = cache.update(torch.ones(1, 1, 1, 4), torch.ones(1, 1, 1, 4))
    assert k[0, 0, :, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("grows", "complete"), [(True, False), (False, True)])
def test_only_a_cache_that_does_not_grow_is_complete_after_one_update(grows, complete):
    cache = Cache(grows)
    cache.update(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4))
    assert (cache.complete is not None) is complete


def test_an_empty_cache_can_select():
    cache = Cache(grows=True)
    cache.select(torch.tensor([0]))
    assert cache.k is None
