"""experiments.py: the plain run bit for bit, tables against NumPy, and a bag of words without positions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import Glass
from model.experiments import (
    BASE,
    Experiment,
    OtherGlass,
    OtherPositions,
    n_words,
    refusal,
    run,
    shuffled,
    token_order,
    word_places,
)
from model.positions import ENCODINGS
from tests.helpers import checkpoints
from tests.helpers.rounding import SENT
from tests.helpers.small import small_config

TEXT = "A man in a blue shirt is standing on a ladder."
OFF = Experiment(positions="off")
TABLES = ("sinusoidal", "learned")
NO_TABLES = sorted(set(ENCODINGS) - set(TABLES))


@pytest.fixture(scope="module")
def glasses(tmp_path_factory) -> dict[str, Glass]:
    folder = tmp_path_factory.mktemp("experiments")
    changes = {"d_model": 16, "max_tgt_len": 12}
    return {
        name: checkpoints.exact(checkpoints.make(folder, name, 2, 2, positions=name, **changes))
        for name in ENCODINGS
    }


@pytest.fixture(scope="module")
def glass(glasses) -> Glass:
    return glasses["sinusoidal"]


def formula(positions, d_model, base):
    """PE by the paper's two lines, one number at a time."""
    table = np.empty((len(positions), d_model))
    for row, p in enumerate(positions):
        for dim in range(d_model):
            angle = p / base ** (2 * (dim // 2) / d_model)
            table[row, dim] = np.cos(angle) if dim % 2 else np.sin(angle)
    return table


def assert_same(trace, other):
    assert list(trace) == list(other)
    for name in trace:
        assert trace[name].value.tobytes() == other[name].value.tobytes(), name


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_an_experiment_that_changes_nothing_is_the_plain_model_bit_for_bit(glasses, name):
    glass = glasses[name]
    translation, trace = run(glass, TEXT, Experiment())
    plain = glass.translate(TEXT)
    assert translation == plain
    assert_same(trace, glass.trace(TEXT, plain))


def test_the_order_as_typed_changes_nothing(glass):
    order = tuple(range(n_words(glass, TEXT)))
    translation, trace = run(glass, TEXT, Experiment(order=order))
    assert translation == glass.translate(TEXT)
    assert_same(trace, glass.trace(TEXT, translation))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("seed", range(10))
def test_without_positions_every_order_says_the_same(glasses, name, seed):
    glass = glasses[name]
    plain, trace = run(glass, TEXT, OFF)
    order = shuffled(n_words(glass, TEXT), seed)
    other = Experiment(positions="off", order=order)
    translation, moved = run(glass, TEXT, other)
    assert translation.src_ids != plain.src_ids
    assert translation.ids == plain.ids
    assert translation.log_prob == pytest.approx(plain.log_prob, abs=1e-10)
    places = OtherGlass(glass, other).typed_places(TEXT)
    memory = trace["encoder.memory"].value[places]
    assert np.abs(moved["encoder.memory"].value - memory).max() < 1e-10
    for layer in range(2):
        weights = trace[f"encoder.{layer}.self_attn.weights"].value[:, places][:, :, places]
        assert np.abs(moved[f"encoder.{layer}.self_attn.weights"].value - weights).max() < 1e-10


def test_with_positions_the_order_matters(glass):
    order = shuffled(n_words(glass, TEXT), 1)
    assert run(glass, TEXT, Experiment(order=order))[0].log_prob != glass.translate(TEXT).log_prob


def test_the_trained_model_cannot_tell_who_bites_without_positions():
    glass = checkpoints.exact("en-de")
    pair = "A dog bites a man.", "A man bites a dog."
    first, second = (run(glass, text, OFF)[0] for text in pair)
    assert first.ids == second.ids
    assert first.log_prob == pytest.approx(second.log_prob, abs=1e-10)
    assert glass.translate(pair[0]).ids != glass.translate(pair[1]).ids


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
@pytest.mark.parametrize(("offset", "base"), [(7, BASE), (500, BASE), (-9, BASE), (0, 100.0), (3, 1e5)])
def test_offset_and_base_give_the_tables_of_the_formula(glass, stack, offset, base):
    _, trace = run(glass, TEXT, Experiment(offset=offset, base=base))
    pos = trace[f"{stack}.pos"].value
    expected = formula(range(offset, offset + len(pos)), 16, base)
    assert np.abs(pos - expected).max() < SENT + 1e-12  # a table is rounded to float32
    embed = trace[f"{stack}.embed"].value
    assert np.array_equal(trace[f"{stack}.embedded"].value, embed + pos)


def test_without_positions_the_input_is_the_embedding_alone(glass):
    _, trace = run(glass, TEXT, OFF)
    for stack in ("encoder", "decoder"):
        assert f"{stack}.pos" not in trace
        assert f"{stack}.pos" not in {block.name for block in trace.anatomy.blocks}
        assert np.array_equal(trace[f"{stack}.embedded"].value, trace[f"{stack}.embed"].value)


def test_the_shared_model_stays_as_it_is_and_its_parameters_are_used(glass):
    encoding, plain = glass.model.encoding, glass.translate(TEXT)
    other = OtherGlass(glass, Experiment(base=50.0))
    assert other.translate(TEXT).log_prob != plain.log_prob
    assert isinstance(other.model.encoding, OtherPositions)
    assert glass.model.encoding is encoding
    own, theirs = (dict(model.named_parameters()) for model in (glass.model, other.model))
    assert all(theirs[name] is parameter for name, parameter in own.items())
    assert glass.translate(TEXT) == plain


def test_the_trace_can_be_of_another_target(glass):
    plain = glass.translate(TEXT)
    _, trace = run(glass, TEXT, OFF, target=plain)
    assert trace.sides["tgt"].ids == glass.trace(TEXT, plain).sides["tgt"].ids


def test_a_beam_is_kept(glass):
    assert run(glass, TEXT, OFF, beam=3)[0].beam == 3


@pytest.mark.parametrize("name", NO_TABLES)
@pytest.mark.parametrize("experiment", [OFF, Experiment(offset=1), Experiment(base=100.0)])
def test_encodings_that_add_nothing_refuse_with_a_sentence(glasses, name, experiment):
    with pytest.raises(ValueError, match=f"{name} positions adds no position vectors"):
        run(glasses[name], TEXT, experiment)


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_the_words_of_every_model_can_be_shuffled(glasses, name):
    order = shuffled(n_words(glasses[name], TEXT), 2)
    assert (
        run(glasses[name], TEXT, Experiment(order=order))[0].src_ids != glasses[name].translate(TEXT).src_ids
    )


@pytest.mark.parametrize("experiment", [Experiment(offset=1), Experiment(base=100.0)])
def test_learned_positions_can_only_be_switched_off(glasses, experiment):
    with pytest.raises(ValueError, match="Learned positions have no wavelengths"):
        run(glasses["learned"], TEXT, experiment)
    assert refusal(glasses["learned"].model.encoding, OFF) is None


@pytest.mark.parametrize(
    "values",
    [
        {"positions": "maybe"},
        {"offset": 100_001},
        {"base": 1.0},
        {"base": float("nan")},
        {"base": float("inf")},
        {"positions": "off", "offset": 1},
        {"positions": "off", "base": 5.0},
        {"order": (0, 0)},
        {"order": (1, 2)},
    ],
)
def test_nonsense_is_refused_with_one_sentence(values):
    with pytest.raises(ValueError, match=r"^[^.]+\.?[^.]*\.$"):
        Experiment(**values)


def test_an_order_of_another_number_of_words_is_refused(glass):
    with pytest.raises(ValueError, match="The sentence has"):
        run(glass, TEXT, Experiment(order=(1, 0)))


def words(glass, text):
    ids = glass.source_ids(text)[:-1]
    places = word_places(glass.tokenizer, ids)
    return [glass.tokenizer.decode(ids[place.start : place.stop]).strip() for place in places]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog bites a man.", ["A", "dog", "bites", "a", "man"]),
        ("It didn't, did it?", ["It", "didn't", "did", "it"]),
        ('"Yes", she  said - twenty-one!', ["Yes", "she", "said", "twenty-one"]),
        ("👩‍👧 ?!", []),
        ("שלום עולם", ["שלום", "עולם"]),
    ],
)
def test_a_word_is_what_stands_between_spaces_without_punctuation(glass, text, expected):
    assert words(glass, text) == expected


@given(st.text(min_size=1, max_size=25).filter(str.strip), st.integers(0, 5))
def test_an_order_moves_words_only_and_loses_no_token(glass, text, seed):
    try:
        ids = glass.source_ids(text)
    except ValueError:
        return
    places = word_places(glass.tokenizer, ids[:-1])
    found = token_order(places, shuffled(len(places), seed), len(ids))
    assert sorted(found) == list(range(len(ids)))
    assert found[-1] == len(ids) - 1
    inside = {row for place in places for row in place}
    assert [row for row in found if row not in inside] == [
        row for row in range(len(ids)) if row not in inside
    ]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9])
def test_a_shuffle_is_another_order_and_the_same_one_for_the_same_seed(n):
    orders = [shuffled(n, seed) for seed in range(20)]
    assert all(sorted(order) == list(range(n)) for order in orders)
    assert n < 2 or tuple(range(n)) not in orders
    assert orders == [shuffled(n, seed) for seed in range(20)]


@pytest.mark.parametrize("d_model", [1, 2, 5, 8])
def test_other_waves_fit_any_width(d_model):
    encoding = ENCODINGS["sinusoidal"](small_config(d_model=d_model, n_heads=1))
    waves = OtherPositions(encoding, Experiment(base=30.0, offset=2)).vectors(torch.arange(6))
    assert np.abs(waves.numpy() - formula(range(2, 8), d_model, 30.0)).max() < 1e-6
