"""tokens.message: what is sent are the trace's, the parameters' and the tokenizer's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import load
from model.text import read
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.messages import unpack
from tests.helpers.texts import N_LAYERS, TEXTS
from viz.instruments.tokens import (
    DRAWN_NEAR,
    MOST_COMPARED,
    SHOWN_NEAR,
    described_reading,
    nearest,
    principal,
    words,
)

ODD = {
    **TEXTS,
    "one token": "a",
    "special, typed": "Say </s> and <pad>",
    "double spaces": "two  dogs   run",
    "long word": "ab" * 25,
}
every_text = pytest.mark.parametrize("name", list(ODD))


@pytest.fixture(scope="module")
def sent(small_glass):
    """`sent(name)`: trace, header and arrays of a text."""
    made = {}

    def of(name):
        if name not in made:
            out = small_glass.translate(ODD[name])
            trace = small_glass.trace(ODD[name], out)
            made[name] = (
                trace,
                *unpack(first("tokens", (small_glass, trace, out), request={"model": "small"})),
            )
        return made[name]

    return of


STACKS = {"src": "encoder", "tgt": "decoder"}


def ids_of(trace, side):
    return trace.sides[side].ids


@every_text
def test_embed_is_the_trace_entry_bit_for_bit(sent, name):
    trace, _, arrays = sent(name)
    for side, stack in STACKS.items():
        entry = trace[f"{stack}.embed"].value
        assert arrays[f"embed.{side}"].dtype == np.float32
        assert arrays[f"embed.{side}"].tobytes() == entry.tobytes()


@every_text
def test_E_rows_are_the_parameters_and_times_the_root_are_embed(small_glass, sent, name):
    trace, header, arrays = sent(name)
    E = small_glass.model.embedding.weight.detach().numpy()
    assert arrays["E"].tobytes() == E[header["ids"]].tobytes()
    row_of = {token_id: row for row, token_id in enumerate(header["ids"])}
    for side in STACKS:
        rows = arrays["E"][[row_of[token_id] for token_id in header["sides"][side]["ids"]]]
        again = rows * np.float32(np.sqrt(trace.config.d_model))
        assert np.abs(again - arrays[f"embed.{side}"]).max() <= 1e-6


@every_text
def test_each_side_has_the_traces_ids_tokens_and_layers(sent, name):
    trace, header, _ = sent(name)
    for side, stack in STACKS.items():
        described = header["sides"][side]
        assert tuple(described["ids"]) == ids_of(trace, side)
        assert tuple(described["tokens"]) == trace.sides[side].tokens
        names = [f"{stack}.embed", *[f"{stack}.{i}.resid_out" for i in range(N_LAYERS)]]
        assert [layer["name"] for layer in described["layers"]] == names


@every_text
def test_each_token_belongs_to_one_word_in_order(small_glass, sent, name):
    trace, header, _ = sent(name)
    for side in STACKS:
        rows = [row for word in header["sides"][side]["words"] for row in word["tokens"]]
        assert rows == list(range(len(ids_of(trace, side))))
    raw = b"".join(bytes(word.get("bytes", [])) for word in header["sides"]["src"]["words"])
    assert raw == read(ODD[name]).encode()


@every_text
def test_the_sources_words_end_in_the_tokens_that_the_model_reads(sent, name):
    trace, header, _ = sent(name)
    for word in header["sides"]["src"]["words"]:
        if word.get("special"):
            assert word["tokens"] == [len(trace.sides["src"].ids) - 1]
            continue
        assert word["as_bpe"]
        assert word["piece_ids"] == [trace.sides["src"].ids[row] for row in word["tokens"]]
        assert word["pieces"] == [trace.sides["src"].tokens[row] for row in word["tokens"]]
        assert len(word["merges"]) == len(word["bytes"]) - len(word["pieces"])
        assert len(word["parts"]) == len(word["bytes"]) == len(word["ranks"]) + 1


def test_tokens_that_merges_would_not_make_are_said_to_be_the_models_own(small_glass):
    tokenizer = small_glass.tokenizer
    ids = tokenizer.encode(" the")
    assert len(ids) == 1
    letters = [tokenizer.encode(letter)[0] for letter in " the"]
    (word,) = words(tokenizer, letters)
    assert (word["tokens"], word["as_bpe"], word["piece_ids"]) == ([0, 1, 2, 3], False, ids)
    (word,) = words(tokenizer, ids)
    assert word["as_bpe"]


def test_half_a_character_makes_a_word_of_each_token(small_glass):
    tokenizer = small_glass.tokenizer
    half = tokenizer.encode("🚲")[:2]
    described = words(tokenizer, [tokenizer.bos_id, *half, tokenizer.eos_id])
    assert [word["tokens"] for word in described] == [[0], [1], [2], [3]]
    assert [bool(word.get("special")) for word in described] == [True, False, False, True]


@given(st.lists(st.integers(0, 399), max_size=12))
def test_any_ids_have_words(small_glass, ids):
    ids = [i % small_glass.tokenizer.vocab_size for i in ids]
    described = words(small_glass.tokenizer, ids)
    assert [row for word in described for row in word["tokens"]] == list(range(len(ids)))
    raw = b"".join(bytes(word.get("bytes", [])) for word in described)
    assert raw == b"".join(map(small_glass.tokenizer.token_bytes, ids))


# Neighbours


def test_neighbours_are_the_ten_rows_of_largest_cosine(small_glass, sent):
    _, header, arrays = sent("plain")
    E = small_glass.model.embedding.weight.detach().double().numpy()
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    for row, token_id in enumerate(header["ids"]):
        cosine = unit @ unit[token_id]
        cosine[token_id] = -np.inf
        expected = np.argsort(-cosine)[:SHOWN_NEAR]
        assert arrays["near"][row].tolist() == expected.tolist()
        assert np.allclose(arrays["near_cosine"][row], cosine[expected], atol=1e-6)
        again = arrays["near_dot"][row] / (arrays["norm"][row] * arrays["near_norm"][row])
        assert np.allclose(again, arrays["near_cosine"][row], atol=1e-6)


def test_every_neighbour_can_be_read(small_glass, sent):
    _, header, arrays = sent("emoji")
    for token_id in {*header["ids"], *arrays["near"].ravel().tolist()}:
        assert header["readable"][str(token_id)] == small_glass.tokenizer.readable(token_id)


def test_a_small_vocabulary_and_a_row_of_zeros_have_neighbours():
    E = np.eye(4, 3, dtype=np.float32)  # its last row is 0
    found = nearest(E, [0, 3])
    assert found["near"].shape == (2, 3)
    assert (found["near_cosine"] == 0).all()
    assert found["near"].tolist() == [[1, 2, 3], [0, 1, 2]]


# PCA


def variances(points):
    return ((points - points.mean(0)) ** 2).sum(0)


def test_pca_is_what_the_covariance_says():
    x = np.random.default_rng(1).normal(size=(20, 6)) * [9, 4, 1, 1, 1, 0.1]
    points, shares = principal(x)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    assert np.allclose(shares, values[::-1][:2] / values.sum())
    for axis in range(2):
        vector = vectors[:, -1 - axis]
        vector = vector * np.sign(vector[np.abs(vector).argmax()])
        assert np.allclose(points[:, axis], (x - x.mean(0)) @ vector)


@pytest.mark.parametrize("x", [np.ones((1, 5)), np.ones((4, 5)) / 3, np.zeros((3, 1))], ids=["1", "4", "0"])
def test_points_that_are_alike_have_no_variance(x):
    points, shares = principal(x)
    assert shares == [0, 0]
    assert (points == 0).all()


def test_two_points_lie_on_one_axis():
    points, shares = principal(np.array([[0.0, 0, 0], [3, 4, 0]]))
    assert np.allclose(shares, [1, 0])
    assert np.allclose(points, [[-2.5, 0], [2.5, 0]])


@every_text
def test_the_pca_after_each_layer_is_that_of_the_trace(sent, name):
    trace, header, arrays = sent(name)
    for side in STACKS:
        described = header["sides"][side]
        assert arrays[f"pca.{side}"].shape == (N_LAYERS + 1, len(described["ids"]), 2)
        for n, layer in enumerate(described["layers"][1:], 1):
            x = trace[layer["name"]].value
            points, shares = principal(x)
            assert arrays[f"pca.{side}"][n].tobytes() == points.astype(np.float32).tobytes()
            assert layer["shares"] == pytest.approx(shares)
            if shares[0]:
                total = variances(x.astype(float)).sum()
                assert variances(points) / total == pytest.approx(shares, abs=1e-6)


@every_text
def test_the_pca_of_the_embeddings_holds_the_nearest_too(small_glass, sent, name):
    trace, header, arrays = sent(name)
    E = small_glass.model.embedding.weight.detach().numpy()
    near = dict(zip(header["ids"], arrays["near"].tolist(), strict=True))
    for side in STACKS:
        described = header["sides"][side]
        ids, extra = described["ids"], described["pca_near"]
        assert set(extra) == {other for i in ids for other in near[i][:DRAWN_NEAR]} - set(ids)
        x = np.concatenate([arrays[f"embed.{side}"], E[extra] * np.float32(np.sqrt(trace.config.d_model))])
        points, shares = principal(x)
        both = np.concatenate([arrays[f"pca.{side}"][0], arrays[f"pca_near.{side}"]])
        assert np.allclose(both, points, atol=1e-5)
        assert described["layers"][0]["shares"] == pytest.approx(shares)


# The message


def test_the_message_names_the_request_and_is_the_same_each_time(small_glass):
    out = small_glass.translate(TEXTS["plain"])
    trace = small_glass.trace(TEXTS["plain"], out)
    request = {"model": "small", "text": TEXTS["plain"], "beam": 1}
    one, two = (first("tokens", (small_glass, trace, out), request=request) for _ in range(2))
    assert one == two
    header, _ = unpack(one)
    assert header["request"] == request
    assert (header["text"], tuple(header["target"])) == (out.source, out.ids)
    assert header["sizes"]["vocab"] == small_glass.config.vocab_size


def test_20_to_20_tokens_take_less_than_120_kilobytes(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", 4, 4, d_model=128, max_tgt_len=32))
    text = checkpoints.text_of(glass, 20)
    out = glass.translate(text)
    trace = glass.trace(text, list(range(5, 24)))
    assert (len(trace.sides["src"].tokens), len(trace.sides["tgt"].tokens)) == (20, 20)
    assert 20_000 < len(first("tokens", (glass, trace, out))) <= 120_000


@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (6, 8)])
def test_models_of_other_sizes_have_a_message(tmp_path, n_layers, n_heads):
    glass = load(checkpoints.make(tmp_path, "other", n_layers, n_heads))
    for text in ("a", checkpoints.text_of(glass, 64)):
        out = glass.translate(text)
        header, arrays = unpack(first("tokens", (glass, glass.trace(text, out), out)))
        assert len(header["sides"]["src"]["layers"]) == n_layers + 1
        assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_reading_marks_what_was_changed_on_both_sides():
    told = described_reading("A\u00a0man,\u200b na\u0131\u0308ve.")
    assert told["typed"] == [
        ("A", False),
        ("⟨U+00A0⟩", True),
        ("man,", False),
        ("⟨U+200B⟩", True),
        (" na", False),
        ("ı◌\u0308", True),
        ("ve.", False),
    ]
    assert told["read"] == [
        ("A", False), ("·", True), ("man,", False), (" na", False), ("ï", True), ("ve.", False),
    ]  # fmt: skip


@pytest.mark.parametrize("typed", ["A man.", " A man. ", "🚲"])
def test_a_text_read_as_it_is_has_nothing_to_show(typed):
    assert described_reading(typed) == {"typed": [], "read": []}


def test_a_text_with_very_much_to_leave_out_is_shown_in_part():
    told = described_reading("A" + "\u200b" * 5_000 + " man.")
    assert told["read"] == [("A man.", False)]
    assert len(told["typed"][0][0]) == MOST_COMPARED + 1
