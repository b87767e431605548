"""The map: thumbnails are numbers of the trace, shapes and counts are the model's own."""

from __future__ import annotations

import numpy as np
import pytest

from model import load
from model.config import Config
from model.counts import total
from tests import checkpoints
from tests.helpers.asked import first
from tests.unit.viz.test_transport import unpack
from viz.instruments.map import (
    TOP,
    WIDEST,
    shapes,
    signed_thumbnail,
    steps_thumbnail,
    thumbnails,
    weights_thumbnail,
    words_thumbnail,
)
from viz.scene import INSTEAD, PLACES, places_of

TEXT = "Where is the station?"
SIZES = {"one": (1, 1), "usual": (3, 2), "wide": (6, 8), "pre": (2, 2)}


@pytest.fixture(scope="module", params=SIZES)
def glass(request, tmp_path_factory):
    return load(
        checkpoints.make(
            tmp_path_factory.mktemp(request.param),
            request.param,
            *SIZES[request.param],
            norm="pre" if request.param == "pre" else "post",
        )
    )


@pytest.fixture(scope="module")
def trace(glass):
    return glass.trace(TEXT, glass.translate(TEXT))


def test_each_pixel_of_a_signed_thumbnail_is_a_number_of_the_entry():
    value = np.random.default_rng(0).normal(size=(5, 70)).astype(np.float32)
    drawn = value[:, :: -(-70 // WIDEST)]
    back = (signed_thumbnail(value) / 127.5 - 1) * np.abs(drawn).max()
    assert drawn.shape[1] <= WIDEST
    assert np.abs(back - drawn).max() <= np.abs(drawn).max() / 255 * 1.01


def test_zeros_make_a_thumbnail_of_zeros():
    assert set(signed_thumbnail(np.zeros((3, 4), np.float32)).ravel()) <= {127, 128}


def test_weights_are_the_mean_over_heads():
    weights = np.random.default_rng(1).dirichlet(np.ones(6), size=(4, 5)).astype(np.float32)
    assert np.abs(weights_thumbnail(weights) / 255 - weights.mean(0)).max() <= 0.5 / 255 + 1e-6


def test_words_are_each_rows_most_probable_ones():
    probs = np.random.default_rng(2).dirichlet(np.ones(50), size=7).astype(np.float32)
    expected = np.sort(probs, axis=-1)[:, ::-1][:, :TOP]
    assert np.abs(words_thumbnail(probs) / 255 - expected).max() <= 0.5 / 255 + 1e-6


def test_steps_are_the_probability_of_each_steps_best_word():
    probs = np.random.default_rng(3).dirichlet(np.ones(50), size=7).astype(np.float32)
    drawn = steps_thumbnail(probs)
    assert drawn.shape == (1, 7)
    assert np.abs(drawn[0] / 255 - np.sort(probs, axis=-1)[:, -1]).max() <= 0.5 / 255 + 1e-6


def test_every_block_of_every_layer_has_its_thumbnail(trace):
    found = thumbnails(trace)
    n = trace.config.n_layers
    blocks = [f"encoder.{i}.{site}" for i in range(n) for site in ("self_attn", "ffn")]
    blocks += [f"decoder.{i}.{site}" for i in range(n) for site in ("self_attn", "cross_attn", "ffn")]
    wanted = {*blocks, *(f"{block}_norm" for block in blocks), "output", "decoding"}
    assert wanted <= set(found)
    rows = {
        "encoder": len(trace.sides["src"].tokens),
        "decoder": len(trace.sides["tgt"].tokens),
        "output": len(trace.sides["tgt"].tokens),
        "decoding": 1,
    }
    assert all(array.shape[0] == rows[name.split(".")[0]] for name, array in found.items())
    assert all(array.dtype == np.uint8 for array in found.values())


def test_a_final_norms_thumbnail_is_its_norm_out_and_only_a_pre_norm_model_has_one(trace):
    found = thumbnails(trace)
    for place in INSTEAD:
        assert (place in found) == (trace.config.norm == "pre")
        if place in found:
            assert np.array_equal(found[place], signed_thumbnail(trace[f"{place}.norm_out"].value))


def test_shapes_are_those_of_the_trace(trace):
    entries = {"encoder.self_attn": "weights", "decoder.cross_attn": "weights", "decoder.ffn": "ffn_hidden"}
    for block, name in entries.items():
        stack, site = block.split(".")
        shape = trace[f"{stack}.0.{site}.{name}"].value.shape
        assert shapes(trace)[block] == " × ".join(map(str, shape))
    assert shapes(trace)["output"] == " × ".join(map(str, trace["output.probs"].value.shape))


def test_the_message_says_the_models_places_and_its_parameters(glass, trace):
    header, arrays = unpack(first("map", (glass, trace, None)))
    assert header["places"] == list(places_of(glass.config))
    assert set(header["instead"]) == set(PLACES) - set(places_of(Config(norm="post", vocab_size=50)))
    for place in set(INSTEAD) & set(header["places"]):
        assert header["parameters"][place] == 2 * glass.config.d_model
    assert header["totals"]["parameters"] == sum(p.numel() for p in glass.model.parameters())
    for name, array in thumbnails(trace).items():
        assert np.array_equal(arrays[name], array)


def test_the_message_says_what_each_block_weighs_and_how_much_it_works(glass, trace):
    header, _ = unpack(first("map", (glass, trace, None)))
    config, n_tgt = trace.config, len(trace.sides["tgt"].tokens)
    d, d_ff, vocab = config.d_model, config.d_ff, config.vocab_size
    weighs = {"tokens": vocab * d, "output": 0, "encoder.ffn": 2 * d * d_ff + d + d_ff}
    weighs |= {"encoder.ffn_norm": 2 * d, "decoder.cross_attn": 4 * (d * d + d)}
    works = {"output": n_tgt * vocab * d, "decoder.ffn": 2 * n_tgt * d * d_ff}
    assert weighs.items() <= header["parameters"].items()
    assert works.items() <= header["multiply_adds"].items()
    assert "tokens" not in header["multiply_adds"]
    for count in ("parameters", "multiply_adds"):
        assert header["totals"][count] == total(header[count], config.n_layers)


def test_20_tokens_to_20_tokens_fit_into_50_kilobytes(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", n_layers=4, n_heads=4, max_tgt_len=24))
    trace = glass.trace(checkpoints.text_of(glass, 20), list(range(5, 24)))
    assert len(first("map", (glass, trace, None))) <= 50_000
