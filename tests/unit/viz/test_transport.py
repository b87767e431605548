"""instruments/: what Python packs, the browser unpacks bit for bit; the overview is the trace's weights."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model import load
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.messages import same, unpack
from tests.helpers.places import SITES
from tests.helpers.rounding import SENT
from viz import theme
from viz.instruments import pack
from viz.instruments.translation import SHOWN_ALTERNATIVES, chips
from viz.labels import query_labels
from viz.server import INSTRUMENTS

pytestmark = pytest.mark.once

(TYPES,) = re.findall(
    r"const TYPES = \{(.*)\};", (INSTRUMENTS / "shared" / "transport.js").read_text(encoding="utf-8")
)
KNOWN_TO_THE_BROWSER = dict(re.findall(r"(\w+): (\w+Array)", TYPES))
REQUEST = {"model": "small", "text": "Where?", "beam": 1, "pad": 0, "version": "0"}
DTYPES = st.sampled_from(sorted(KNOWN_TO_THE_BROWSER))
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
"""What a number of JavaScript can hold."""
UNPACK = """
async (message) => {
  const { unpack } = await import("/instruments/shared/transport.js");
  const { header, arrays } = unpack(message);
  const bytes = (values) => Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const told = ({ values, shape }) => ({ shape, type: values.constructor.name, bytes: bytes(values) });
  return { header, arrays: Object.entries(arrays).map(([name, array]) => [name, told(array)]) };
}
"""


def unpacked_by_the_browser(node, data):
    """What transport.js does itself."""
    unpacked = node.evaluate(UNPACK, np.frombuffer(data, np.uint8))
    arrays = {}
    for name, array in unpacked["arrays"]:
        values = np.array(array["bytes"], np.uint8).view(array["type"].removesuffix("Array").lower())
        arrays[name] = values.reshape(array["shape"])
    return unpacked["header"], arrays


@settings(max_examples=50)
@given(st.data())
def test_arrays_come_back_bit_for_bit(node, data):
    shapes = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
    one = DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, shapes))
    sent = data.draw(st.dictionaries(st.text(min_size=1), one, max_size=4))
    message = pack({}, sent)
    for header, received in (unpack(message), unpacked_by_the_browser(node, message)):
        assert set(header) == {"arrays"} and set(received) == set(sent)
        assert all(same(received[name], np.asarray(sent[name])) for name in sent)


@settings(max_examples=50)
@given(
    st.dictionaries(st.text().filter(lambda key: key != "arrays"), st.text() | WHOLE | st.lists(st.text()))
)
def test_the_header_comes_back(node, header):
    message = pack(header, {})
    for received, _ in (unpack(message), unpacked_by_the_browser(node, message)):
        assert received == {**header, "arrays": {}}


@pytest.mark.parametrize("letters", range(9))
def test_it_does_not_matter_where_an_array_begins(letters):
    sent = {"bytes": np.arange(letters, dtype="uint8"), "floats": np.linspace(0, 1, 7, dtype="float32")}
    _, received = unpack(pack({"filler": "x" * letters}, sent))
    assert all(same(received[name], sent[name]) for name in sent)


def test_an_array_that_is_not_contiguous_is_sent_in_the_order_of_its_axes():
    turned = np.arange(12, dtype="float32").reshape(3, 4).T
    _, received = unpack(pack({}, {"turned": turned}))
    assert np.array_equal(received["turned"], turned)


def test_the_weights_in_the_overview_are_those_of_the_trace_in_255_steps(trace):
    header, received = unpack(first("attention", (None, trace, None), request=REQUEST))
    assert list(header["places"]) == list(received) == list(SITES)
    for place in SITES:
        stack, site = place.split(".")
        assert received[place].dtype == np.uint8 and "uint8" in KNOWN_TO_THE_BROWSER
        assert received[place].shape[:2] == (trace.config.n_layers, trace.config.n_heads)
        for layer, sent in enumerate(received[place]):
            weights = trace[f"{stack}.{layer}.{site}.weights"].value
            assert np.array_equal(sent, np.rint(255 * weights)), (place, layer)


def test_the_overview_says_which_answer_it_is(trace):
    header, _ = unpack(first("attention", (None, trace, None), request=REQUEST))
    assert header["request"] == REQUEST
    assert header["d_head"] == trace.config.d_head


def test_the_labels_sent_are_the_tokens_of_the_trace(trace):
    header, received = unpack(first("attention", (None, trace, None), request=REQUEST))
    for place, described in header["places"].items():
        stack, site = place.split(".")
        entry = trace[f"{stack}.0.{site}.weights"]
        assert tuple(described["keys"]) == entry.labels["key"]
        assert tuple(described["queries"]) == query_labels(trace, entry)
        titles = {"src": "source", "tgt": "target"}
        assert [described["asking"], described["answering"]] == [
            titles[side] for side in entry.sides.values()
        ]
        assert received[place].shape[2:] == (len(described["queries"]), len(described["keys"]))


def test_only_the_decoders_self_attention_is_called_causal(small_glass):
    header, received = unpack(
        first("attention", (None, small_glass.trace("Where is the station?"), None), request=REQUEST)
    )
    assert [place for place in SITES if header["places"][place]["causal"]] == ["decoder.self_attn"]
    weights = received["decoder.self_attn"]
    hidden = np.triu(np.ones(weights.shape[2:], bool), k=1)
    assert not weights[..., hidden].any()


def test_the_overview_of_20_to_20_tokens_is_far_below_200_kilobytes(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", n_layers=4, n_heads=4, max_tgt_len=24))
    trace = glass.trace(checkpoints.text_of(glass, 20), list(range(5, 24)))
    assert (len(trace.sides["src"].tokens), len(trace.sides["tgt"].tokens)) == (20, 20)
    assert 3 * 16 * 20 * 20 < len(first("attention", (None, trace, None), request=REQUEST)) <= 50_000


def test_the_palette_travels_with_the_numbers(small_glass):
    header, _ = unpack(first("attention", (None, small_glass.trace("Where?"), None), request=REQUEST))
    assert header["palette"] == json.loads(json.dumps(theme.palette()))


def test_one_chip_a_step_with_its_probability_and_the_most_probable_tokens(exact_glass):
    translation = exact_glass.translate("Where is the station?")
    trace = exact_glass.trace("Where is the station?", translation)
    probs = trace["output.probs"].value
    shown = chips(exact_glass, translation)
    assert [chip["token"] for chip in shown] == [
        exact_glass.tokenizer.readable(s.id) for s in translation.steps
    ]
    for chip, step, row in zip(shown, translation.steps, probs, strict=True):
        assert chip["probability"] == pytest.approx(row[step.id], rel=SENT)
        others = [other["probability"] for other in chip["alternatives"]]
        assert len(others) == SHOWN_ALTERNATIVES and others == sorted(others, reverse=True)
        assert chip["alternatives"][0]["token"] == chip["token"], "greedy takes the most probable"
