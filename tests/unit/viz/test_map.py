"""The map: thumbnails are numbers of the trace, shapes and counts are the model's own."""

from __future__ import annotations

import numpy as np
import pytest

from model import load
from model.counts import multiply_adds, total
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.messages import unpack
from tests.helpers.places import INSTEAD, places_of
from viz.instruments.map import (
    TOP,
    WIDEST,
    signed_thumbnail,
    steps_thumbnail,
    thumbnails,
    weights_thumbnail,
    words_thumbnail,
)

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


def boxes(header):
    return {box["block"]: box for box in header["boxes"]}


def test_every_box_says_the_shape_of_what_it_hands_on(glass, trace):
    found = boxes(unpack(first("map", (glass, trace, None)))[0])
    entries = {"encoder.self_attn": "weights", "decoder.cross_attn": "weights", "decoder.ffn": "ffn_hidden"}
    wanted = {block: f"{block.replace('.', '.0.')}.{name}" for block, name in entries.items()}
    wanted |= {"decoder.cross_attn_norm": "decoder.0.cross_attn_norm.norm_out", "output": "output.probs"}
    wanted |= {"encoder.embed": "encoder.embed", "decoder.pos": "decoder.pos"}
    for block, name in wanted.items():
        assert f" {' × '.join(map(str, trace[name].value.shape))} numbers;" in found[block]["said"]
    steps = f"{len(trace.predicts)} × {trace.config.vocab_size} probabilities, one row a step"
    assert steps in found["decoding"]["said"]


def test_the_boxes_are_the_anatomys_blocks_in_order_of_computation_then_its_answers(glass, trace):
    header, _ = unpack(first("map", (glass, trace, None)))
    anatomy = trace.anatomy
    assert [box["block"] for box in header["boxes"]] == [
        *(block.place for block in anatomy.blocks),
        *anatomy.answers,
    ]
    assert header["places"] == list(places_of(glass.config))
    assert header["nearest"] == {"encoder": "encoder.ffn", "decoder": "decoder.ffn"}
    assert header["otherwise"] == "decoder.cross_attn"
    assert [stack["name"] for stack in header["stacks"]] == ["encoder", "decoder"]
    assert header["arrangement"] == "encoder left, decoder right"
    found = boxes(header)
    assert found["decoder.cross_attn"]["reads"] == "encoder"
    assert [box["side"] for box in header["boxes"] if box["side"]] == ["target", "target"]
    assert found["decoder.ffn_norm"]["beside"] == found["decoder.ffn_norm"]["place"] == "decoder.ffn"


@pytest.mark.parametrize(
    ("block", "path", "words"),
    [
        ("encoder.embed", ["source tokens"], "Tokens become rows"),
        ("encoder.self_attn", ["encoder", "layer {layer}", "self-attention"], "Source tokens ask each other"),
        (
            "decoder.self_attn",
            ["decoder", "layer {layer}", "masked self-attention"],
            "Target tokens ask themselves and those before them.",
        ),
        (
            "decoder.cross_attn",
            ["decoder", "layer {layer}", "cross-attention"],
            "Target tokens ask the encoder's output.",
        ),
        ("output", ["output"], "Each state becomes a probability"),
        ("decoding", ["decoding"], "is the decoder's next input"),
    ],
)
def test_a_box_says_the_way_to_it_and_what_it_does(glass, trace, block, path, words):
    found = boxes(unpack(first("map", (glass, trace, None)))[0])[block]
    assert found["path"] == path
    assert words in found["said"]


def test_a_final_norm_says_who_reads_it(tmp_path):
    glass = load(checkpoints.make(tmp_path, "pre", 2, 2, norm="pre"))
    found = boxes(unpack(first("map", (glass, glass.trace(TEXT, glass.translate(TEXT)), None)))[0])
    assert "the last layer; what the decoder's cross-attention reads." in found["encoder.final_norm"]["said"]
    assert "the last layer; what the output reads." in found["decoder.final_norm"]["said"]


def test_the_message_says_what_each_block_weighs_and_how_much_it_works(glass, trace):
    header, arrays = unpack(first("map", (glass, trace, None)))
    found, config = boxes(header), trace.config
    n_src, n_tgt = (len(rows.tokens) for rows in trace.sides.values())
    d, d_ff, vocab = config.d_model, config.d_ff, config.vocab_size
    cross = 2 * (n_src + n_tgt) * d * d + 2 * n_src * n_tgt * d
    told = {
        "encoder.embed": (vocab * d, 0),
        "output": (0, n_tgt * vocab * d),
        "encoder.ffn": (2 * d * d_ff + d + d_ff, 2 * n_src * d * d_ff),
        "decoder.cross_attn": (4 * (d * d + d), cross),
    }
    for block, (weighs, works) in told.items():
        said = found[block]["said"]
        assert f"; {weighs:,} parameters" in said and said.endswith(f", {works:,} multiply–adds.")
    norms = [box for box in header["boxes"] if box["kind"] == "norm"]
    for norm in norms:
        assert f"; {2 * d:,} parameters, no matrix product." in norm["said"]
    totals = sum(p.numel() for p in glass.model.parameters())
    works = total(multiply_adds(glass.model, {"src": n_src, "tgt": n_tgt}), trace.anatomy)
    assert header["total"].startswith(f"All of it: {totals:,} parameters, {works:,} multiply–adds")
    for name, array in thumbnails(trace).items():
        assert np.array_equal(arrays[name], array)


def test_20_tokens_to_20_tokens_fit_into_50_kilobytes(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", n_layers=4, n_heads=4, max_tgt_len=24))
    trace = glass.trace(checkpoints.text_of(glass, 20), list(range(5, 24)))
    assert len(first("map", (glass, trace, None))) <= 50_000


def test_another_place_does_not_send_the_map_again(glass, trace):
    assert first("map", (glass, trace, None), "tokens") == first("map", (glass, trace, None), "decoder.ffn")
