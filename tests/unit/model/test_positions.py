"""positions.py: every registered encoding works; each is what its paper says."""

import math

import pytest
import torch

from model.attention import ATTENTIONS
from model.config import NORMS
from model.loss import smoothed_cross_entropy
from model.positions import ENCODINGS, Alibi, Rotary, Sinusoidal, Where, make_encoding, rotation
from tests.helpers.small import all_real, default_dtype, small_config, small_model, some_ids, trace_of

HAND_WIDTH = 6


@pytest.fixture(autouse=True)
def float64():
    with default_dtype(torch.float64):
        yield


def loss_of(model, seed=1):
    src, tgt = some_ids(seed, 4, 7), some_ids(seed + 1, 4, 6)
    states = model.decode(tgt[:, :-1], model.encode(src, all_real(src)), all_real(src))
    return smoothed_cross_entropy(states.flatten(0, 1), model.embedding.weight, tgt[:, 1:].flatten(), 0.0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("positions", ENCODINGS)
def test_loss_falls_within_a_few_steps(positions, norm):
    model = small_model(positions=positions, norm=norm).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = loss_of(model).item()
    for _ in range(10):
        loss = loss_of(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss_of(model).item() < 0.7 * before


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("positions", ENCODINGS)
def test_gradients_reach_all_parameters(positions, norm):
    model = small_model(positions=positions, norm=norm).train()
    loss_of(model).backward()
    # A bias on the keys adds the same number to a whole row of scores, which the softmax cancels.
    cancels = ".W_k.bias"
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or (not name.endswith(cancels) and not parameter.grad.any())
    ]
    assert idle == []


@pytest.mark.parametrize("positions", ENCODINGS)
def test_every_encoding_traces_with_unchanged_logits(positions):
    model = small_model(positions=positions)
    trace = trace_of(model)
    src, tgt = torch.tensor([trace.sides["src"].ids]), torch.tensor([trace.sides["tgt"].ids])
    with torch.inference_mode():
        logits = model(src, tgt, all_real(src))[0]
    assert torch.equal(torch.tensor(trace["output.logits"].value), logits)


def test_an_unknown_encoding_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match="positions must be one of .*rotary.*, not 'sine'"):
        make_encoding(small_config(positions="sine"))


def test_no_positions_add_nothing():
    encoding = make_encoding(small_config(positions="none"))
    assert encoding.vectors(torch.arange(3)) is None


# Sinusoidal


def test_sinusoidal_interleaves_sine_and_cosine_as_in_the_paper():
    encoding = Sinusoidal(small_config(d_model=HAND_WIDTH, n_heads=1))
    expected = torch.empty(20, HAND_WIDTH)
    for p in range(20):
        for i in range(HAND_WIDTH // 2):
            angle = p / 10_000 ** (2 * i / HAND_WIDTH)
            expected[p, 2 * i], expected[p, 2 * i + 1] = math.sin(angle), math.cos(angle)
    torch.testing.assert_close(encoding.vectors(torch.arange(20)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 7, -3, 0.5])
def test_sinusoidal_shift_is_one_fixed_rotation(k):
    encoding = Sinusoidal(small_config())
    p = torch.arange(20)
    turned = encoding.vectors(p) @ rotation(k, 16).mT
    torch.testing.assert_close(encoding.make_table(p + k), turned, rtol=0, atol=1e-12)


def test_rotation_is_orthogonal():
    matrix = rotation(3, 16)
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(16), rtol=0, atol=1e-12)


@pytest.mark.parametrize("at", [[24, 1000], [-1, 3], [0.5, 2.25]])
def test_sinusoidal_takes_positions_outside_its_table(at):
    encoding, at = Sinusoidal(small_config()), torch.tensor(at)
    torch.testing.assert_close(encoding.vectors(at), encoding.make_table(at), rtol=0, atol=1e-12)


def test_sinusoidal_of_an_odd_width_has_that_width():
    encoding = Sinusoidal(small_config(d_model=5, n_heads=1))
    assert encoding.vectors(torch.arange(4)).shape == (4, 5)


# Learned


def test_learned_looks_up_the_given_positions():
    encoding = make_encoding(small_config(positions="learned"))
    assert torch.equal(encoding.vectors(torch.tensor([4, 2])), encoding.table[[4, 2]])


# Rotary


def rotary_scores(q_at, k_at):
    generator = torch.Generator().manual_seed(3)
    q, k = torch.randn(2, 1, 2, 5, 8, generator=generator).unbind(0)
    q_rot, k_rot = Rotary(small_config(d_model=16, n_heads=2)).rotate(q, k, q_at, k_at)
    return q_rot @ k_rot.mT


@pytest.mark.parametrize("shift", [1, 7, -3, 0.25])
def test_rotary_scores_depend_on_distance_only(shift):
    at = torch.arange(5)
    here, there = rotary_scores(at, at), rotary_scores(at + shift, at + shift)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-12)


def test_rotary_scores_change_with_the_distance():
    at = torch.arange(5)
    assert not torch.isclose(rotary_scores(at, at), rotary_scores(at + 1, at)).any()


def test_rotary_turns_pairs_as_complex_numbers():
    x, at = torch.randn(1, 1, 5, 8, generator=torch.Generator().manual_seed(4)), torch.arange(5)
    frequencies = 10_000 ** (-torch.arange(0, 8, 2) / 8)
    phases = torch.polar(torch.ones(5, 4), at[:, None] * frequencies)
    expected = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (4, 2))) * phases).flatten(-2)
    turned, _ = Rotary(small_config(d_model=16, n_heads=2)).rotate(x, x, at, at)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-12)


def test_rotary_refuses_an_odd_width_of_head():
    with pytest.raises(ValueError, match="d_head must be even, not 3"):
        Rotary(small_config(d_model=6, n_heads=2))


# ALiBi


@pytest.mark.parametrize("n_heads", [1, 2, 4, 8])
def test_alibi_is_minus_slope_times_distance(n_heads):
    bias = Alibi(small_config(n_heads=n_heads, d_model=16)).bias(torch.arange(4), torch.arange(6))
    expected = torch.tensor(
        [
            [[-(2 ** (-8 * h / n_heads)) * abs(i - j) for j in range(6)] for i in range(4)]
            for h in range(1, n_heads + 1)
        ]
    )
    torch.testing.assert_close(bias, expected, rtol=0, atol=1e-12)


# Where they act


@pytest.mark.parametrize(
    ("positions", "leaf"),
    [("rotary", "q_rot"), ("rotary", "k_rot"), ("alibi", "position_bias"), ("alibi", "biased")],
)
def test_relative_positions_act_in_self_attention_only(positions, leaf):
    trace = trace_of(small_model(positions=positions, n_layers=1))
    sites = {name for name in trace if name.endswith(f".{leaf}")}
    assert sites == {f"encoder.0.self_attn.{leaf}", f"decoder.0.self_attn.{leaf}"}


@pytest.mark.parametrize("positions", ["rotary", "alibi"])
def test_relative_positions_add_nothing_to_the_embeddings(positions):
    trace = trace_of(small_model(positions=positions))
    assert not [name for name in trace if name.endswith(".pos")]


def encode_shuffled(positions, attention="softmax"):
    """(memory of a shuffled source, shuffled memory of the source)"""
    model = small_model(positions=positions, attention=attention)
    src, order = some_ids(5, 1, 8), torch.tensor([3, 0, 7, 1, 2, 6, 5, 4])
    with torch.inference_mode():
        return (
            model.encode(src[:, order], all_real(src)),
            model.encode(src, all_real(src))[:, order],
        )


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_without_positions_the_encoder_is_permutation_equivariant(attention):
    shuffled_first, shuffled_last = encode_shuffled("none", attention)
    torch.testing.assert_close(shuffled_first, shuffled_last, rtol=0, atol=1e-12)


@pytest.mark.parametrize("positions", [name for name in ENCODINGS if name != "none"])
def test_with_positions_the_order_matters(positions):
    shuffled_first, shuffled_last = encode_shuffled(positions)
    assert (shuffled_first - shuffled_last).abs().max() > 1e-3


@pytest.mark.parametrize("positions", ENCODINGS)
def test_positions_given_in_another_order_travel_with_their_tokens(positions):
    model = small_model(positions=positions)
    src, order = some_ids(5, 1, 8), torch.tensor([3, 0, 7, 1, 2, 6, 5, 4])
    with torch.inference_mode():
        shuffled = model.encode(src[:, order], all_real(src), at=order)
        straight = model.encode(src, all_real(src))
    torch.testing.assert_close(shuffled, straight[:, order], rtol=0, atol=1e-12)


# Between queries and keys


@pytest.mark.parametrize("positions", ENCODINGS)
def test_where_hands_on_what_the_encoding_does(positions):
    encoding, (q_at, k_at) = (
        make_encoding(small_config(positions=positions)),
        (torch.arange(3), torch.arange(5)),
    )
    q, k = torch.randn(1, 4, 3, 4), torch.randn(1, 4, 5, 4)
    where, bias = Where(q_at, k_at, encoding), encoding.bias(q_at, k_at)
    assert where.rotates == encoding.rotates
    assert all(map(torch.equal, where.rotate(q, k), encoding.rotate(q, k, q_at, k_at)))
    assert where.bias is None if bias is None else torch.equal(where.bias, bias)


def test_between_two_texts_there_is_no_distance():
    q, k = torch.randn(1, 4, 3, 4), torch.randn(1, 4, 5, 4)
    where = Where(torch.arange(3), torch.arange(5))
    assert not where.rotates
    assert where.bias is None
    assert where.rotate(q, k) == (q, k)
