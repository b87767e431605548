"""The alignment tab: words of both sides, dot products, norms and influence as they are sent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model import influence as owed
from model import load
from model.words import joined, word_groups
from tests.helpers import checkpoints
from tests.helpers.asked import answer, decoding_numbers, decoding_refusal
from tests.helpers.messages import unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import TEXTS

LONG = "A man in a blue shirt is standing on a ladder."


def asked_for(part, asked, **values):
    """What the browser gets for these values."""
    return unpack(decoding_numbers(part, asked, **values))


def lane_ids(asked):
    glass, _, translation = asked
    return glass.rows(translation.ids)[1]


@pytest.fixture(scope="module", params=[*TEXTS.values(), LONG, "a"], ids=[*TEXTS, "long", "one letter"])
def asked(request, small_glass):
    return answer(small_glass, request.param)


def test_every_token_of_both_sides_has_its_word(asked):
    glass, trace, _ = asked
    header, arrays = asked_for("align", asked)
    for side, ids in (("source", trace.sides["src"].ids), ("target", lane_ids(asked))):
        groups, words = arrays[f"{side}_groups"], header[f"{side}_words"]
        expected = [i for i, group in enumerate(word_groups(glass.tokenizer, ids)) for _ in group]
        assert groups.dtype == np.int32
        assert groups.tolist() == expected
        assert len(words) == expected[-1] + 1
        assert all(words)
        special = [i in (glass.config.eos_id, glass.config.bos_id, glass.config.pad_id) for i in ids]
        assert arrays[f"{side}_special"].astype(bool).tolist() == special
    assert header["source_words"][-1] == "⟨/s⟩"


def test_words_stand_without_the_space_before_them(small_glass):
    header, arrays = asked_for("align", answer(small_glass, LONG))
    assert header["source_words"] == [*LONG[:-1].split(), ".", "⟨/s⟩"]
    assert len(set(arrays["source_groups"].tolist())) < len(arrays["source_groups"])


def test_words_of_another_lane_are_those_of_its_ids(small_glass):
    asked = answer(small_glass, LONG)
    ids = [*small_glass.tokenizer.encode("Zwei Hunde rennen."), small_glass.config.eos_id]
    header, arrays = asked_for("align", asked, ids=".".join(map(str, ids)))
    assert header["target_words"] == ["Zwei", "Hunde", "rennen", ".", "⟨/s⟩"]
    assert len(arrays["target_groups"]) == len(ids)


def test_joined_weights_of_every_head_sum_to_one(asked):
    glass, trace, _ = asked
    groups = [word_groups(glass.tokenizer, ids) for ids in (lane_ids(asked), trace.sides["src"].ids)]
    for layer in range(trace.config.n_layers):
        weights = torch.tensor(trace[f"decoder.{layer}.cross_attn.weights"].value, dtype=torch.float64)
        sums = joined(weights, *groups).sum(-1)
        assert sums.shape == (trace.config.n_heads, len(groups[0]))
        assert np.allclose(sums, 1, rtol=0, atol=weights.shape[-1] * SENT)


def test_products_and_norms_are_the_models_own(asked):
    glass, trace, _ = asked
    _, arrays = asked_for("align", asked)
    assert np.array_equal(arrays["products"], owed.products(glass.model, trace).numpy().astype(np.float32))
    for step in {0, len(lane_ids(asked)) - 1}:
        header, arrays = asked_for("influence", asked, step=step)
        assert header["step"] == step
        for name, array in zip(("norms", "layer_norms"), owed.norms(glass.model, trace, step), strict=True):
            assert np.array_equal(arrays[name], array.numpy().astype(np.float32)), name
        for layer, weights in enumerate(arrays["weights"]):
            assert np.array_equal(weights, trace[f"decoder.{layer}.cross_attn.weights"].value[:, step])


def test_influence_is_that_of_each_token_left_out(asked, exact_glass):
    glass, _, translation = asked = answer(exact_glass, asked[2].source)
    ids = lane_ids(asked)
    step = len(ids) // 2
    _, arrays = asked_for("influence", asked, step=step)
    found = arrays["log_probs"]
    assert found.dtype == np.float32
    expected = owed.log_probs_masking(glass.model, translation.src_ids, ids, step)
    assert np.array_equal(found, expected.numpy().astype(np.float32))
    assert found[0] == pytest.approx(translation.steps[step].log_prob, rel=SENT)


def test_another_lane_has_its_own_numbers(exact_glass):
    asked = answer(exact_glass, LONG)
    glass, page, translation = asked
    ids = [7, 9, 11, 2]
    trace = glass.trace(LONG, ids[:-1])
    _, arrays = asked_for("influence", asked, step=2, ids="7.9.11.2")
    expected = owed.mask_one_out(glass.model, translation.src_ids, ids, 2)
    sent = arrays["log_probs"].astype(float)
    assert np.allclose(sent[1:] - sent[0], expected, rtol=0, atol=2 * SENT * np.abs(sent).max())
    for name, array in zip(("norms", "layer_norms"), owed.norms(glass.model, trace, 2), strict=True):
        assert np.allclose(arrays[name], array, rtol=SENT, atol=0), name
    weights = trace["decoder.1.cross_attn.weights"].value[:, 2]
    assert np.array_equal(arrays["weights"][1], weights.astype(np.float32))
    _, own = asked_for("influence", asked, step=2)
    assert not np.allclose(own["norms"], arrays["norms"], atol=1e-3)


def test_padding_on_purpose_is_looked_at_by_nobody(small_glass):
    asked = answer(small_glass, TEXTS["plain"], pad_to=12)
    _, arrays = asked_for("align", asked)
    n = len(asked[2].src_ids)
    assert len(arrays["source_groups"]) == 12
    assert arrays["source_special"][n:].all()
    for values in ({"step": 1}, {"step": 1, "ids": "7.9.2"}):
        _, arrays = asked_for("influence", asked, **values)
        assert (
            arrays["norms"].shape[-1] == arrays["layer_norms"].shape[-1] == len(arrays["log_probs"]) - 1 == 12
        )
        assert (arrays["norms"][..., n:] == 0).all() and (arrays["weights"][..., n:] == 0).all()
        assert (arrays["log_probs"][1 + n :] == arrays["log_probs"][0]).all()


@pytest.mark.parametrize(
    "values",
    [
        {"part": "influence"},
        {"part": "influence", "step": "-1"},
        {"part": "influence", "step": "99"},
        {"part": "influence", "step": "x"},
        {"part": "influence", "step": "3", "ids": "5.6.7"},
        {"part": "influence", "step": "0", "ids": ""},
        {"part": "align", "ids": ""},
        {"part": "align", "ids": "5.x"},
        {"part": "align", "ids": "99999"},
        {"part": "align", "ids": ".".join(["5"] * 100)},
    ],
)
def test_nonsense_gets_a_sentence(small_glass, values):
    assert decoding_refusal(values.pop("part"), answer(small_glass, TEXTS["plain"]), **values).endswith(".")


def test_a_full_page_fits_into_the_budget(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", 4, 4, d_model=128, max_tgt_len=32))
    asked = answer(glass, checkpoints.text_of(glass, 20))
    assert len(decoding_numbers("align", asked)) < 10_000
    assert len(decoding_numbers("influence", asked, step=3)) < 4_000
