"""decoding/samples: what is sent are the drawn sequences, counted, with the model's own numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from model.sampling import sample
from tests.helpers.asked import answer, decoding_numbers, decoding_refusal
from tests.helpers.messages import unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import TEXTS
from viz.instruments.decoding.parts.samples import MOST_SAMPLES

KNOBS = {"samples": "30", "temperature": "0.5", "top_k": "12", "top_p": "0.9", "seed": "4"}


def asked_for(asked, **values):
    return unpack(decoding_numbers("samples", asked, **values))


def sequences(arrays, name):
    """The pieces of an array, one a sequence."""
    return np.split(arrays[name], np.cumsum(arrays["lengths"])[:-1])


@pytest.fixture(scope="module", params=[*TEXTS.values(), "a"], ids=[*TEXTS, "one letter"])
def asked(request, small_glass):
    return answer(small_glass, request.param)


@pytest.fixture(scope="module")
def plain(exact_glass):
    return answer(exact_glass)


def test_what_is_sent_is_what_the_model_draws_bit_for_bit(asked):
    glass, _, translation = asked
    drawn = sample(glass.model, list(translation.src_ids), 30, 0.5, 12, 0.9, 4)
    header, arrays = asked_for(asked, **KNOBS)
    by_ids = {one.ids: one for one in drawn}
    ids = [tuple(each.tolist()) for each in sequences(arrays, "ids")]
    assert set(ids) == set(by_ids) and len(ids) == len(by_ids)
    for i, found in enumerate(ids):
        one = by_ids[found]
        assert arrays["counts"][i] == sum(other.ids == found for other in drawn)
        for name in ("log_probs", "drawn_log_probs"):
            assert sequences(arrays, name)[i].tobytes() == np.float32(getattr(one, name)).tobytes()
        assert header["finished"][i] == one.finished
        words = found[: len(found) - one.finished]
        assert header["texts"][i] == glass.tokenizer.decode(words).strip()
    assert header["tokens"] == {str(i): glass.tokenizer.readable(i) for each in ids for i in each}


def test_the_most_frequent_come_first_and_of_equals_the_most_probable(plain):
    _, arrays = asked_for(plain, samples="50", temperature="0.3", seed="2")
    sums = [each.sum() for each in sequences(arrays, "log_probs")]
    order = list(zip(-arrays["counts"], -np.array(sums), strict=True))
    assert order == sorted(order)
    assert arrays["counts"].sum() == 50


@pytest.mark.parametrize("beam", [1, 3])
def test_greedys_own_translation_is_marked_whatever_the_page_shows(small_glass, beam):
    glass, trace, translation = answer(small_glass, beam=beam)
    greedy = tuple(step.id for step in glass.translate(translation.source).steps)
    header, arrays = asked_for((glass, trace, translation), top_k="1")
    assert [tuple(each) for each in sequences(arrays, "ids")] == [greedy]
    assert header["greedy"] == [True]
    header, arrays = asked_for((glass, trace, translation), temperature="2", seed="3")
    assert header["greedy"] == [tuple(each) == greedy for each in sequences(arrays, "ids")]


def test_without_a_cut_the_two_log_probabilities_differ_by_padding_and_start_alone(plain):
    glass, _, translation = plain
    _, arrays = asked_for(plain)
    ids, own, drawn = (sequences(arrays, name)[0] for name in ("ids", "log_probs", "drawn_log_probs"))
    trace = glass.trace(translation.source, [i for i in ids.tolist() if i != glass.config.eos_id])
    never = trace["output.probs"].value[: len(ids), [glass.config.pad_id, glass.config.bos_id]].sum(-1)
    assert np.allclose(drawn, own - np.log1p(-never), rtol=2 * SENT, atol=0)


def test_top_k_0_and_no_knobs_keep_every_word(plain):
    without = asked_for(plain)[1]
    named = asked_for(plain, samples="20", temperature="1", top_k="0", top_p="1", seed="1")[1]
    assert {name: array.tobytes() for name, array in without.items()} == {
        name: array.tobytes() for name, array in named.items()
    }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("samples", "0", f"samples must be a whole number from 1 to {MOST_SAMPLES}, not 0."),
        ("samples", "51", f"samples must be a whole number from 1 to {MOST_SAMPLES}, not 51."),
        (
            "temperature",
            "10.5",
            "temperature must be 0 (greedy) or a number from 0.000000001 to 10, not 10.5.",
        ),
        ("temperature", "nan", "temperature must be 0 (greedy) or a number from 0.000000001 to 10, not nan."),
        ("top_k", "x", "top_k must be 0 (all) or a whole number from 1 to"),
        ("top_p", "0", "top_p must be a number from 0.000000001 to 1, not 0."),
        ("seed", "-1", "seed must be a whole number from 0 to 999,999,999, not -1."),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(plain, name, value, said):
    assert re.match(re.escape(said), decoding_refusal("samples", plain, **{name: value}))


def test_fifty_full_samples_stay_small(small_glass):
    sent = decoding_numbers("samples", answer(small_glass), samples=50, temperature=2)
    assert len(sent) < 40_000
