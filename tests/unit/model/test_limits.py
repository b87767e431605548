"""limits.py: a number within its range comes back as it is; anything else is one sentence with the range."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import limits
from model.limits import ALPHA, BEAM, TEMPERATURE, Limit, LimitError

pytestmark = pytest.mark.once

EVERY = [each for each in vars(limits).values() if isinstance(each, Limit)]
NO_NUMBERS = [
    "",
    " ",
    "zzz",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "9" * 400,
    "9" * 5000,
    "0x1",
    "1_0",
    "١",
    "1\n2",
    "½",
]
NO_VALUES = [math.nan, math.inf, -math.inf, -1, True, None, "1", [1]]

every = pytest.mark.parametrize("limit", EVERY, ids=lambda limit: limit.name)


def refusal(check, value):
    with pytest.raises(LimitError) as error:
        check(value)
    return str(error.value)


@every
@pytest.mark.parametrize("text", NO_NUMBERS, ids=[str(n) for n in range(len(NO_NUMBERS))])
def test_what_is_no_number_of_the_range_is_refused_in_one_short_sentence(limit, text):
    sentence = refusal(limit.read, text)
    assert sentence.startswith(f"{limit.name} must be ")
    assert sentence.endswith(".")
    assert limits.digits(limit.most) in sentence
    assert "\n" not in sentence
    assert len(sentence) < 150


@every
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, True, None, "1", [1]])
def test_a_value_outside_the_range_or_of_another_kind_is_refused(limit, value):
    assert len(refusal(limit.check, value)) < 150


@every
def test_both_ends_belong_to_the_range_and_nothing_beyond(limit):
    assert [limit.check(end) for end in (limit.least, limit.most)] == [limit.least, limit.most]
    beyond = limit.most + 1 if limit.whole else math.nextafter(limit.most, math.inf)
    assert refusal(limit.check, beyond)


@every
def test_zero_is_allowed_only_where_it_means_something(limit):
    if limit.zero or limit.least == 0:
        assert limit.check(0) == limit.read("0") == 0
    else:
        assert refusal(limit.check, 0)
        assert refusal(limit.read, "0")


@given(st.integers(1, 64))
def test_a_whole_number_is_read_as_it_is_written(number):
    read = BEAM.read(str(number))
    assert read == number
    assert isinstance(read, int)


@given(st.floats(0, 5))
def test_a_number_is_read_as_python_writes_it(number):
    assert ALPHA.read(repr(number)) == number


@given(st.text())
def test_whatever_is_typed_is_a_number_or_a_sentence(text):
    for limit in EVERY:
        try:
            assert limit.read(text) == limit.check(limit.read(text))
        except LimitError as error:
            assert str(error).startswith(limit.name)


@pytest.mark.parametrize("value", [np.int64(3), np.int32(3)])
def test_numbers_of_numpy_are_numbers(value):
    assert BEAM.check(value) == 3


@pytest.mark.parametrize("value", [2.0, 2.5, np.float32(2)])
def test_a_fraction_is_no_whole_number(value):
    assert "a whole number from 1 to 64" in refusal(BEAM.check, value)


def test_a_refusal_repeats_what_was_asked():
    assert refusal(BEAM.check, 100_000) == "beam must be a whole number from 1 to 64, not 100000."
    assert refusal(ALPHA.read, "1e9") == "alpha must be a number from 0 to 5, not 1e9."
    assert re.match(
        r"temperature must be 0 \(greedy\) or a number from 0\.000000001 to 10, not -1\.",
        refusal(TEMPERATURE.check, -1),
    )


@every
@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_too_long_to_be_written_is_refused_in_one_sentence(limit, sign):
    assert refusal(limit.check, sign * 10**5000).endswith(", not one of more than 20 digits.")
