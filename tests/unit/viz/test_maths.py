"""shared/maths.js, the arithmetic of a head in the browser, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = pytest.mark.once

ROWS, COLUMNS, N = 5, 9, 6


@pytest.fixture(scope="module")
def maths(node):
    """`maths(function, *arguments)`: arrays travel as float32, the type of what the server sends."""

    def call(name, *arguments, dtype="float32"):
        sent = [each.astype(dtype) if isinstance(each, np.ndarray) else each for each in arguments]
        return node.call("shared/maths.js", name, *sent)

    return call


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def random(rng, *shape, size=1.0):
    """Normal numbers that float32 holds exactly."""
    return (size * rng.standard_normal(shape)).astype(np.float32).astype(float)


def softmax(x, temperature=1.0):
    e = np.exp((x - x.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def weights_of(rng, rows=ROWS, columns=COLUMNS, size=2.0):
    return softmax(random(rng, rows, columns, size=size)).astype(np.float32).astype(float)


def close(actual, expected, atol=1e-12):
    return np.allclose(np.asarray(actual, float), np.ravel(expected), rtol=1e-12, atol=atol)


def bits(p):
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


# maths.js: stages


def test_scores_are_q_times_k_transposed(maths, rng):
    q, k = random(rng, ROWS, N), random(rng, COLUMNS, N)
    assert close(maths("scores", q.ravel(), k.ravel(), ROWS, COLUMNS, N), q @ k.T)


def test_dot_starts_where_it_is_told(maths, rng):
    a, b = random(rng, 10), random(rng, 10)
    assert maths("dot", a, 2, b, 5, 4) == pytest.approx(a[2:6] @ b[5:9])


def test_scaling_divides(maths, rng):
    x = random(rng, ROWS * COLUMNS)
    assert close(maths("scale", x, math.sqrt(32)), x / math.sqrt(32))


def test_the_mask_puts_minus_infinity_where_nothing_is_kept_and_changes_nothing_else(maths, rng):
    x, keep = random(rng, 40), rng.random(40) < 0.5
    assert maths("mask", x, keep.astype(float)) == np.where(keep, x, -np.inf).tolist()


def test_adding_a_bias_adds(maths, rng):
    a, b = random(rng, 40), random(rng, 40)
    assert close(maths("add", a, b), a + b)


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1, 4])
@pytest.mark.parametrize("size", [0.01, 1, 30])
def test_softmax_goes_along_rows_after_division_by_the_temperature(maths, rng, size, temperature):
    x = random(rng, ROWS, COLUMNS, size=size)
    assert close(maths("softmaxRows", x.ravel(), ROWS, COLUMNS, temperature), softmax(x, temperature))


def test_softmax_without_a_temperature_is_plain(maths, rng):
    x = random(rng, ROWS, COLUMNS)
    assert close(maths("softmaxRows", x.ravel(), ROWS, COLUMNS), softmax(x))


@pytest.mark.parametrize("sign", [1, -1])
def test_softmax_of_huge_scores_neither_overflows_nor_vanishes(maths, sign):
    x = sign * np.array([[1e4, 1e4 + 1, 9e3], [1e4, 1e4, 1e4]])
    assert close(maths("softmaxRows", x.ravel(), 2, 3, dtype="float64"), softmax(x))


def test_a_row_that_may_see_no_key_gets_weights_zero(maths):
    x = np.array([[-np.inf] * 3, [0.0, -np.inf, 0.0]])
    assert maths("softmaxRows", x.ravel(), 2, 3) == [0, 0, 0, 0.5, 0, 0.5]


def test_a_masked_key_gets_exactly_zero(maths, rng):
    x = random(rng, ROWS, COLUMNS)
    x[:, 2] = -np.inf
    weights = np.reshape(maths("softmaxRows", x.ravel(), ROWS, COLUMNS), (ROWS, COLUMNS))
    assert (weights[:, 2] == 0).all() and close(weights.sum(-1), np.ones(ROWS))


def test_z_is_weights_times_v(maths, rng):
    w, v = weights_of(rng), random(rng, COLUMNS, N)
    assert close(maths("mix", w.ravel(), v.ravel(), ROWS, COLUMNS, N), w @ v)


def test_projecting_multiplies_by_the_transposed_weights_and_adds_the_bias(maths, rng):
    x, W, b = random(rng, ROWS, 7), random(rng, N, 7), random(rng, N)
    assert close(maths("project", x.ravel(), W.ravel(), b, ROWS, 7, N), x @ W.T + b)


@pytest.mark.parametrize("heads", [1, 3, 4])
def test_concatenating_puts_heads_side_by_side(maths, rng, heads):
    z = random(rng, heads, ROWS, N)
    assert close(maths("concat", z.ravel(), heads, ROWS, N), z.transpose(1, 0, 2).reshape(ROWS, -1))


# maths.js: the self-check


def test_the_error_is_relative_above_one_and_absolute_below(maths, rng):
    a, b = random(rng, 50, size=20), random(rng, 50, size=20)
    expected = np.max(np.abs(a - b) / np.maximum(1, np.abs(b)))
    assert maths("largestError", a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([-math.inf, 1.0], [-math.inf, 1.0], 0),
        ([math.nan], [1.0], math.inf),
        ([1.0], [math.nan], math.inf),
        ([math.nan], [math.nan], math.inf),
        ([math.nan, 1.0], [1.0, 1.5], math.inf),
        ([1.0, math.nan], [1.5, 1.0], math.inf),
        ([-math.inf], [0.0], math.inf),
        ([0.0], [-math.inf], math.inf),
        ([math.inf], [-math.inf], math.inf),
        ([1.0], [1.0, 2.0], math.inf),
        ([], [], 0),
    ],
)
def test_nan_and_unequal_infinities_count_as_wrong_equal_ones_as_right(maths, a, b, error):
    assert maths("largestError", np.array(a), np.array(b)) == error


# maths.js: what a head does


@pytest.mark.parametrize("size", [0, 1, 5])
def test_entropy_is_in_bits(maths, rng, size):
    w = weights_of(rng, size=size)
    for i in range(ROWS):
        assert maths("entropy", w.ravel(), i * COLUMNS, COLUMNS) == pytest.approx(bits(w[i]), abs=1e-12)


def test_the_largest_weight_of_a_row_is_of_that_row(maths, rng):
    w = weights_of(rng)
    assert [maths("rowMax", w.ravel(), i * COLUMNS, COLUMNS) for i in range(ROWS)] == w.max(-1).tolist()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 0.95, 1])
def test_the_heaviest_cells_reach_the_share_and_not_one_fewer_does(maths, rng, share):
    w = weights_of(rng).ravel()
    chosen = maths("heaviest", w, share)
    mass = np.cumsum(w[chosen])
    assert mass[-1] >= share * w.sum() - 1e-9
    assert len(chosen) == 1 or mass[-2] < share * w.sum()
    assert sorted(w[chosen], reverse=True) == w[chosen].tolist()
    assert w[chosen].min() >= max(np.delete(w, chosen), default=0)


def test_a_cell_of_weight_zero_is_never_among_the_heaviest(maths):
    assert maths("heaviest", np.array([0, 0.5, 0, 0.5]), 1) == [1, 3]
