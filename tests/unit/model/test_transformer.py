"""transformer.py against nn.Transformer; causality, padding and the cache of any encoder–decoder."""

import math
from itertools import product

import pytest
import torch

from model.config import NORMS
from model.positions import ENCODINGS
from model.transformer import causal_keep
from tests.helpers.pairs import pairwise, spread
from tests.helpers.rounding import APART
from tests.helpers.small import (
    CHOICES,
    SEEDS,
    SIZES,
    SRC,
    TGT,
    all_real,
    default_dtype,
    small_model,
    some_ids,
    trace_of,
)

D_MODEL = SIZES["d_model"]

every_choice = pytest.mark.parametrize(("positions", "attention", "norm"), CHOICES)
every_choice_and_seed = pytest.mark.parametrize(
    ("positions", "attention", "norm", "seed"), spread(CHOICES, SEEDS)
)


def test_weights_are_numbered_as_in_the_training_states_there_are():
    """The optimizers of a run that goes on know weights by number, and a seed draws them in this order."""
    model = small_model(norm="pre")

    def parts(module):
        return list(dict.fromkeys(name.partition(".")[0] for name, _ in module.named_parameters()))

    assert parts(model) == ["embedding", "encoder", "decoder", "encoder_norm", "decoder_norm"]
    shared = ["self_attn", "self_attn_add", "ffn", "ffn_add"]
    assert parts(model.encoder[0]) == shared
    assert parts(model.decoder[0]) == [*shared, "cross_attn", "cross_attn_add"]


# Golden


@pytest.fixture
def slow_path():
    """torch's fast path gives other values on padded rows."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(before)


def copy_linear(theirs, ours):
    theirs.weight.data, theirs.bias.data = ours.weight.data, ours.bias.data


def copy_norm(theirs, ours):
    theirs.weight.data, theirs.bias.data = ours.gamma.data, ours.beta.data


def copy_attention(theirs, ours):
    projections = (ours.W_q, ours.W_k, ours.W_v)
    theirs.in_proj_weight.data = torch.cat([linear.weight.data for linear in projections])
    theirs.in_proj_bias.data = torch.cat([linear.bias.data for linear in projections])
    copy_linear(theirs.out_proj, ours.W_o)


def copy_layer(theirs, ours):
    """One encoder or decoder layer."""
    copy_attention(theirs.self_attn, ours.self_attn)
    copy_norm(theirs.norm1, ours.self_attn_add.norm)
    last = theirs.norm2
    if hasattr(ours, "cross_attn"):
        copy_attention(theirs.multihead_attn, ours.cross_attn)
        copy_norm(theirs.norm2, ours.cross_attn_add.norm)
        last = theirs.norm3
    copy_linear(theirs.linear1, ours.ffn.W_1)
    copy_linear(theirs.linear2, ours.ffn.W_2)
    copy_norm(last, ours.ffn_add.norm)


def torch_copy(model, dtype):
    """nn.Transformer with the weights of `model`; ours has no final norms where it is post-norm."""
    config = model.config
    theirs = torch.nn.Transformer(
        config.d_model,
        config.n_heads,
        config.n_layers,
        config.n_layers,
        config.d_ff,
        dropout=0.0,
        batch_first=True,
        norm_first=config.norm == "pre",
        dtype=dtype,
    )
    for stack, layers, norm in (
        (theirs.encoder, model.encoder, model.encoder_norm),
        (theirs.decoder, model.decoder, model.decoder_norm),
    ):
        for their_layer, our_layer in zip(stack.layers, layers, strict=True):
            copy_layer(their_layer, our_layer)
        if norm is None:
            stack.norm = None
        else:
            copy_norm(stack.norm, norm)
    return theirs.eval()


def sine_table(length, dtype):
    rows = [
        [(math.cos if j % 2 else math.sin)(p / 10_000 ** ((j - j % 2) / D_MODEL)) for j in range(D_MODEL)]
        for p in range(length)
    ]
    return torch.tensor(rows, dtype=torch.float64).to(dtype)


def keep_rows(batch, length, padded):
    """Row b of the batch has b padded tokens at its end, where `padded`."""
    return torch.arange(length)[None, :] < length - padded * torch.arange(batch)[:, None]


def torch_logits(model, theirs, src, tgt, src_keep, tgt_keep):
    table = model.embedding.weight
    dtype = table.dtype
    states = theirs(
        table[src] * D_MODEL**0.5 + sine_table(src.shape[1], dtype),
        table[tgt] * D_MODEL**0.5 + sine_table(tgt.shape[1], dtype),
        tgt_mask=torch.ones(tgt.shape[1], tgt.shape[1], dtype=torch.bool).triu(1),
        src_key_padding_mask=~src_keep,
        tgt_key_padding_mask=~tgt_keep,
        memory_key_padding_mask=~src_keep,
    )
    return torch.einsum("bqd,vd->bqv", states, table)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.usefixtures("slow_path")
@pytest.mark.parametrize(
    ("norm", "padded", "n_heads", "batch", "dtype"),
    pairwise(list(NORMS), [False, True], [1, 2, 4], [1, 3], list(APART)),
)
def test_logits_equal_torch(norm, padded, n_heads, batch, dtype):
    model = small_model(dtype=dtype, norm=norm, n_heads=n_heads)
    theirs = torch_copy(model, dtype)
    src, tgt = some_ids(1, batch, 7), some_ids(2, batch, 5)
    src_keep, tgt_keep = keep_rows(batch, 7, padded), keep_rows(batch, 5, padded)
    with torch.no_grad():
        expected = torch_logits(model, theirs, src, tgt, src_keep, tgt_keep)
        logits = model(src, tgt, src_keep, tgt_keep=tgt_keep)
    torch.testing.assert_close(logits, expected, rtol=0, atol=APART[dtype])


def test_probabilities_are_the_softmax_over_the_vocabulary():
    logits = torch.tensor([[[0.0, math.log(3)]]])
    torch.testing.assert_close(small_model().probabilities(logits), torch.tensor([[[0.25, 0.75]]]))


# Masks


@pytest.mark.parametrize(
    ("n_queries", "n_keys", "expected"),
    [(3, 3, [[1, 0, 0], [1, 1, 0], [1, 1, 1]]), (2, 4, [[1, 1, 1, 0], [1, 1, 1, 1]]), (1, 3, [[1, 1, 1]])],
)
def test_causal_keep_ends_at_the_last_key(n_queries, n_keys, expected):
    assert causal_keep(n_queries, n_keys).int().tolist() == expected


@every_choice_and_seed
def test_a_future_token_changes_no_earlier_output(positions, attention, norm, seed):
    model = small_model(seed, positions=positions, attention=attention, norm=norm)
    src, tgt = some_ids(seed, 1, 5), some_ids(seed + 1, 1, 6)
    steps = torch.arange(1, 6)
    changed = torch.where(torch.arange(6) < steps[:, None], tgt, (tgt + 1 - 3) % 20 + 3)
    src_rows = src.expand(len(steps), -1)
    with torch.inference_mode():
        before, after = model(src, tgt, all_real(src)), model(src_rows, changed, all_real(src_rows))
    for t, row in zip(steps, after, strict=True):
        torch.testing.assert_close(row[:t], before[0, :t], rtol=0, atol=1e-12)


@every_choice
def test_a_token_changes_its_own_and_later_outputs(positions, attention, norm):
    model = small_model(positions=positions, attention=attention, norm=norm)
    src, tgt = some_ids(0, 1, 5), some_ids(1, 1, 6)
    changed = tgt.clone()
    changed[:, 2] = (changed[:, 2] + 1 - 3) % 20 + 3
    with torch.inference_mode():
        moved = (model(src, tgt, all_real(src)) - model(src, changed, all_real(src))).abs().amax(-1)[0]
    assert (moved[2:] > 1e-6).all()


@every_choice_and_seed
def test_padding_never_changes_a_real_token(positions, attention, norm, seed):
    model = small_model(seed, positions=positions, attention=attention, norm=norm)
    src, tgt = some_ids(seed, 1, 5), some_ids(seed + 1, 1, 6)
    padded_src, padded_tgt = (torch.cat([ids, some_ids(7, 1, 3)], 1) for ids in (src, tgt))
    src_keep, tgt_keep = torch.arange(8)[None] < 5, torch.arange(9)[None] < 6
    with torch.inference_mode():
        alone = model(src, tgt, all_real(src))
        among_padding = model(padded_src, padded_tgt, src_keep, tgt_keep=tgt_keep)[:, :6]
    torch.testing.assert_close(among_padding, alone, rtol=0, atol=1e-12)


@every_choice_and_seed
def test_a_traced_run_equals_a_silent_one_bit_for_bit(positions, attention, norm, seed):
    model = small_model(seed, torch.float32, positions=positions, attention=attention, norm=norm)
    src, tgt = tuple(some_ids(seed, 6).tolist()), tuple(some_ids(seed + 1, 5).tolist())
    trace = trace_of(model, src, tgt)
    with torch.inference_mode():
        silent = model(torch.tensor([src]), torch.tensor([tgt]), torch.ones(1, 6, dtype=torch.bool))
    assert torch.equal(torch.tensor(trace["output.logits"].value), silent[0])


def test_a_source_without_real_tokens_gives_finite_logits():
    model = small_model()
    src, tgt = torch.tensor([SRC]), torch.tensor([TGT])
    with torch.inference_mode():
        assert model(src, tgt, ~all_real(src)).isfinite().all()


# Incremental decoder


def stepped(model, memory, src_keep, tgt):
    """Logits (batch, query, vocab), one step after the other."""
    state = model.start(memory, src_keep)
    return torch.stack([model.step(tgt[:, t], state) for t in range(tgt.shape[1])], 1)


@pytest.mark.parametrize("dtype", APART)
@every_choice
def test_each_step_equals_its_row_of_the_forced_pass(positions, attention, norm, dtype):
    model = small_model(dtype=dtype, positions=positions, attention=attention, norm=norm)
    src, tgt, src_keep = some_ids(1, 3, 7), some_ids(2, 3, 9), keep_rows(3, 7, True)
    with torch.inference_mode():
        forced = model(src, tgt, src_keep)
        steps = stepped(model, model.encode(src, src_keep), src_keep, tgt)
    torch.testing.assert_close(steps, forced, rtol=0, atol=APART[dtype])


@pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))
def test_several_tokens_at_once_equal_single_steps(positions, norm):
    model = small_model(positions=positions, norm=norm)
    src, tgt = some_ids(1, 2, 7), some_ids(2, 2, 6)
    with torch.inference_mode():
        memory = model.encode(src, all_real(src))
        state = model.start(memory, all_real(src))
        parts = [model.decode(part, memory, all_real(src), state=state) for part in tgt.split((4, 2), 1)]
        whole = model.decode(tgt, memory, all_real(src))
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-10)


def test_state_counts_its_steps():
    model = small_model()
    src = torch.tensor([SRC])
    with torch.inference_mode():
        state = model.start(model.encode(src, all_real(src)), all_real(src))
        model.step(torch.tensor([1]), state)
        model.step(torch.tensor([8]), state)
    assert state.length == 2


@pytest.mark.parametrize("rows", [[2, 0, 1], [1], [0, 0, 2, 2]])
@pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))
def test_select_reorders_the_batch(positions, norm, rows):
    model = small_model(positions=positions, norm=norm)
    src, tgt, src_keep = some_ids(1, 3, 7), some_ids(2, 3, 6), keep_rows(3, 7, True)
    with torch.inference_mode():
        state = model.start(model.encode(src, src_keep), src_keep)
        for t in range(3):
            model.step(tgt[:, t], state)
        state.select(torch.tensor(rows))
        later = torch.stack([model.step(tgt[rows, t], state) for t in range(3, 6)], 1)
        forced = model(src[rows], tgt[rows], src_keep[rows])[:, 3:]
    torch.testing.assert_close(later, forced, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))
def test_a_single_source_serves_any_rows(positions, norm):
    model = small_model(positions=positions, norm=norm)
    src, tgt = some_ids(1, 1, 7), some_ids(2, 3, 4)
    with torch.inference_mode():
        state = model.start(model.encode(src, all_real(src)), all_real(src))
        state.select(torch.tensor([0, 0, 0]))
        steps = torch.stack([model.step(tgt[:, t], state) for t in range(4)], 1)
        src_rows = src.expand(3, -1)
        forced = model(src_rows, tgt, all_real(src_rows))
    torch.testing.assert_close(steps, forced, rtol=0, atol=1e-10)
    assert len(state.memory) == 1


# Parameters


@pytest.mark.parametrize("positions", ENCODINGS)
def test_each_parameter_has_one_name(positions):
    names = {}
    for name, value in small_model(positions=positions).state_dict().items():
        names.setdefault(value.data_ptr(), []).append(name)
    assert [same for same in names.values() if len(same) > 1] == []


def test_embeddings_enter_the_stream_with_unit_entries():
    with default_dtype(torch.float32):
        model = small_model(dtype=torch.float32, vocab_size=2000, d_model=64, n_layers=1)
    embed = model.embedding.weight * 8
    assert embed.std().item() == pytest.approx(1, abs=0.02)
