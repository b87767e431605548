"""Step by step: a lane is its trace; a branch begins as it is told; typed words become tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import load
from model.text import read
from tests.helpers.asked import decoding_numbers, decoding_refusal, first
from tests.helpers.messages import same, unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import TEXTS
from viz import theme
from viz.instruments.base import Refusal
from viz.instruments.decoding import lanes
from viz.instruments.output import single

TEXT = TEXTS["plain"]
REQUEST = {"model": "small", "text": TEXT, "beam": 1, "pad": 0, "version": "0"}


def page_of(glass, text=TEXT, **more):
    """What the page computes: translation and trace."""
    translation = glass.translate(text, more.pop("beam", 1))
    return translation, glass.trace(text, translation, **more)


def branch(glass, forced, text=TEXT, **more):
    """The answer to what the browser asks for."""
    translation, trace = page_of(glass, text, **more)
    page = glass, trace, translation
    return unpack(decoding_numbers("branch", page, forced=".".join(map(str, forced))))


def refused_branch(glass, forced):
    translation, trace = page_of(glass, TEXT)
    return decoding_refusal("branch", (glass, trace, translation), forced=forced)


def reference(glass, text, ids):
    """log P (step, vocab) of every step of a translation of these ids, in NumPy."""
    logits = glass.trace(text, ids)["output.logits"].value.astype(np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def expect_lane(glass, text, header, arrays, taken):
    """A lane's arrays are those of one forced pass over the tokens that it takes."""
    eos = glass.config.eos_id
    ids = taken[:-1] if taken[-1] == eos else taken
    trace = glass.trace(text, ids)
    rows = len(taken)
    assert arrays["ids"].tolist() == list(taken)
    log_probs = reference(glass, text, ids)[:rows]
    at = np.arange(rows)
    assert arrays["log_probs"] == pytest.approx(log_probs[at, taken], rel=SENT)
    assert np.take_along_axis(log_probs, arrays["cand_ids"], -1) == pytest.approx(
        arrays["cand_log_probs"], rel=2 * SENT
    )
    logits = trace["output.logits"].value[:rows]
    assert np.array_equal(arrays["ranks"], (logits > logits[at, taken][:, None]).sum(-1))
    for site in ("cross_attn", "self_attn"):
        for layer, sent in enumerate(arrays[site]):
            assert same(sent, single(trace[f"decoder.{layer}.{site}.weights"].value)), (site, layer)
    assert header["predicts"] == [glass.tokenizer.readable(i) for i in taken]
    assert header["reads"] == [glass.tokenizer.readable(i) for i in [glass.config.bos_id, *taken[:-1]]]
    assert header["log_prob"] == pytest.approx(arrays["log_probs"].sum(dtype=float), rel=SENT)
    for i in {*arrays["cand_ids"].flat, *taken}:
        assert header["tokens"][str(i)] == glass.tokenizer.readable(i)


# The page's own lane


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("name", TEXTS)
def test_the_pages_lane_is_the_translations_trace(exact_glass, name, beam):
    translation, trace = page_of(exact_glass, TEXTS[name], beam=beam)
    header, arrays = unpack(first("decoding", (exact_glass, trace, translation), request=REQUEST))
    expect_lane(exact_glass, TEXTS[name], header, arrays, [step.id for step in translation.steps])
    assert header["log_prob"] == translation.log_prob
    assert (header["text"], header["finished"]) == (translation.text, translation.finished)
    assert tuple(header["source"]) == trace.sides["src"].tokens


def test_the_weights_are_sent_bit_for_bit(small_glass):
    translation, trace = page_of(small_glass)
    _, arrays = unpack(first("decoding", (small_glass, trace, translation), request=REQUEST))
    for site in ("cross_attn", "self_attn"):
        sent = np.stack([trace[f"decoder.{i}.{site}.weights"].value for i in range(trace.config.n_layers)])
        assert same(arrays[site], sent)
    logits = torch.tensor(trace["output.logits"].value)
    picked = logits.log_softmax(-1).gather(-1, torch.tensor(arrays["cand_ids"], dtype=torch.int64))
    assert same(arrays["cand_log_probs"], picked.numpy())


def test_candidates_come_best_first_and_greedy_takes_the_best_that_may_be_said(small_glass):
    translation, trace = page_of(small_glass)
    _, arrays = unpack(first("decoding", (small_glass, trace, translation), request=REQUEST))
    assert arrays["cand_ids"].shape == (len(translation.steps), lanes.TOP)
    assert (np.diff(arrays["cand_log_probs"], axis=-1) <= 0).all()
    never = {small_glass.config.pad_id, small_glass.config.bos_id}
    for step, row in zip(translation.steps, arrays["cand_ids"].tolist(), strict=True):
        assert step.id == next(i for i in row if i not in never)


def test_the_header_says_what_all_parts_need(small_glass):
    translation, trace = page_of(small_glass)
    header, _ = unpack(first("decoding", (small_glass, trace, translation), request=REQUEST))
    config = small_glass.config
    assert header["request"] == REQUEST
    assert header["palette"].keys() == theme.palette().keys()
    assert (header["n_layers"], header["n_heads"], header["max_steps"], header["eos"]) == (
        *(config.n_layers, config.n_heads),
        *(config.max_tgt_len, config.eos_id),
    )


# Branches


@settings(max_examples=20)
@given(st.lists(st.integers(3, 399), min_size=1, max_size=8))
def test_a_branch_begins_with_what_is_forced_and_goes_on_greedily(exact_glass, forced):
    header, arrays = branch(exact_glass, forced)
    other = exact_glass.translate(TEXT, forced=forced)
    taken = [step.id for step in other.steps]
    assert taken[: len(forced)] == forced == header["forced"]
    expect_lane(exact_glass, TEXT, header, arrays, taken)
    for step, (id_, row) in enumerate(zip(taken, arrays["cand_ids"].tolist(), strict=True)):
        assert step < len(forced) or id_ == next(i for i in row if i not in (0, 1))


def test_nothing_forced_is_the_greedy_translation(small_glass):
    header, arrays = branch(small_glass, [])
    assert header["forced"] == []
    assert arrays["ids"].tolist() == [step.id for step in small_glass.translate(TEXT).steps]


def test_forcing_what_the_model_says_anyway_changes_no_number(small_glass):
    translation, trace = page_of(small_glass)
    _, own = unpack(first("decoding", (small_glass, trace, translation), request=REQUEST))
    _, arrays = branch(small_glass, [step.id for step in translation.steps[:3]])
    assert all(same(arrays[name], own[name]) for name in own)


def test_a_forced_end_token_ends_the_translation_there(exact_glass):
    eos = exact_glass.config.eos_id
    header, arrays = branch(exact_glass, [7, 9, eos, 11, 12])
    assert arrays["ids"].tolist() == [7, 9, eos]
    assert header["forced"] == [7, 9, eos] and header["finished"]
    expect_lane(exact_glass, TEXT, header, arrays, [7, 9, eos])


def test_the_end_token_alone_is_an_empty_translation(small_glass):
    header, arrays = branch(small_glass, [small_glass.config.eos_id])
    assert header["text"] == "" and header["finished"]
    assert arrays["self_attn"].shape[2:] == (1, 1) and (arrays["self_attn"] == 1).all()


def test_a_branch_may_be_as_long_as_the_limit_and_no_longer(exact_glass):
    limit = exact_glass.config.max_tgt_len
    header, arrays = branch(exact_glass, [7] * limit)
    assert arrays["ids"].tolist() == [7] * limit and not header["finished"]
    expect_lane(exact_glass, TEXT, header, arrays, [7] * limit)
    said = refused_branch(exact_glass, ".".join(["7"] * (limit + 1)))
    assert said == f"A translation has at most {limit} tokens, not {limit + 1}."


def test_the_end_token_can_be_forced_at_the_last_step(small_glass):
    limit, eos = small_glass.config.max_tgt_len, small_glass.config.eos_id
    header, arrays = branch(small_glass, [*[7] * (limit - 1), eos])
    assert arrays["ids"].tolist() == [*[7] * (limit - 1), eos] and header["finished"]


@pytest.mark.parametrize("token", ["pad_id", "bos_id"])
def test_tokens_that_are_never_said_can_be_forced(exact_glass, token):
    never = getattr(exact_glass.config, token)
    header, arrays = branch(exact_glass, [never] * 4)
    assert header["forced"] == [never] * 4 == arrays["ids"].tolist()[:4]
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert arrays["self_attn"].sum(-1, dtype=float) == pytest.approx(1, abs=SENT)


@pytest.mark.parametrize("forced", ["400", "-1", "7.400", "7..8", ".", "x", "1e2", "7.8_9", "٣", "9" * 5000])
def test_ids_that_are_none_are_refused_with_a_sentence(small_glass, forced):
    assert refused_branch(small_glass, forced) == "Token ids run from 0 to 399."


def test_a_branch_of_the_beams_translation_goes_on_greedily(small_glass):
    _, arrays = branch(small_glass, [7, 9], beam=3)
    assert arrays["ids"].tolist() == [step.id for step in small_glass.translate(TEXT, forced=[7, 9]).steps]


def test_a_branch_of_a_padded_page_has_a_weight_of_0_for_each_padding_token(small_glass):
    _, plain = branch(small_glass, [7, 9])
    _, padded = branch(small_glass, [7, 9], pad_to=12)
    real = plain["cross_attn"].shape[-1]
    assert padded["cross_attn"].shape[-1] == 12 > real
    assert np.array_equal(padded["cross_attn"][..., :real], plain["cross_attn"])
    assert not padded["cross_attn"][..., real:].any()


def test_a_source_of_one_token_has_branches(exact_glass):
    header, arrays = branch(exact_glass, [7], text="a")
    assert arrays["cross_attn"].shape[-1] == 2
    expect_lane(exact_glass, "a", header, arrays, arrays["ids"].tolist())


# Typed words


@pytest.fixture(scope="module")
def shipped():
    return load("en-de")


@pytest.fixture(scope="module")
def shipped_page(shipped):
    return page_of(shipped, "The woman is dancing.")


def pieces(glass, page, typed, step=2):
    translation, trace = page
    header, _ = unpack(decoding_numbers("tokenize", (glass, trace, translation), typed=typed, step=step))
    return header["pieces"]


def refused(glass, page, typed, step=2):
    translation, trace = page
    return decoding_refusal("tokenize", (glass, trace, translation), typed=typed, step=step)


@pytest.mark.parametrize(
    ("typed", "step", "expected"),
    [
        ("Mann", 2, ["·Mann"]),
        (" Mann  ", 2, ["·Mann"]),
        ("·Mann", 2, ["·Mann"]),
        ("Mann", 0, ["Mann"]),
        ("·Mann", 0, ["·Mann"]),
        (".", 2, ["."]),
        (",", 2, [","]),
        ("⟨/s⟩", 2, ["⟨/s⟩"]),
        ("\u00a0Mann\u200b", 0, ["·Mann"]),
        ("\ufeffMann", 0, ["Mann"]),
        ("\uff2d\uff41\u00adnn", 2, ["·Mann"]),
        ("\u2024", 2, ["."]),
    ],
)
def test_a_typed_word_that_is_a_token_is_one(shipped, shipped_page, typed, step, expected):
    assert pieces(shipped, shipped_page, typed, step) == expected


def test_the_first_word_is_split_as_the_model_says_first_words(shipped):
    first = shipped.translate("The woman is dancing.").steps[0].id
    word = shipped.tokenizer.decode([first])
    translation, trace = page_of(shipped, "The woman is dancing.")
    header, _ = unpack(decoding_numbers("tokenize", (shipped, trace, translation), typed=word, step=0))
    assert header["ids"] == [first]


def test_an_unknown_word_is_split_into_tokens_that_spell_it(shipped, shipped_page):
    found = pieces(shipped, shipped_page, "Straßenbahnhof")
    assert len(found) > 1 and "".join(found) == "·Straßenbahnhof"


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=8).filter(str.strip), st.integers(0, 3))
def test_what_is_typed_comes_back_from_its_tokens(small_glass, typed, step):
    translation, trace = page_of(small_glass)
    page = small_glass, trace, translation
    try:
        header, _ = unpack(decoding_numbers("tokenize", page, typed=typed, step=step))
    except Refusal as refusal:
        assert not read(typed).strip("· ") or "at most 12 tokens" in str(refusal)
        return
    assert small_glass.tokenizer.decode(header["ids"]).strip() == read(typed).removeprefix("·").strip()
    assert header["pieces"] == [small_glass.tokenizer.readable(i) for i in header["ids"]]


@pytest.mark.parametrize("typed", ["", "   ", "·", " · ", "\t\n", "\u200b", "·\u00ad"])
def test_nothing_typed_is_refused_with_a_sentence(shipped, shipped_page, typed):
    assert refused(shipped, shipped_page, typed) == "Type a word or a mark."


def test_half_a_character_is_refused_with_a_sentence(shipped, shipped_page):
    assert "half a character" in refused(shipped, shipped_page, "a\ud800")


def test_more_than_fits_is_refused_with_a_sentence(shipped, shipped_page):
    assert "at most 80 tokens" in refused(shipped, shipped_page, "wort " * 100)


@pytest.mark.parametrize("step", ["-1", "80", "x", ""])
def test_a_step_that_is_none_is_refused_with_a_sentence(shipped, shipped_page, step):
    assert (
        refused(shipped, shipped_page, "Frau", step)
        == f"step must be a whole number from 0 to 79, not {step or 'nothing'}."
    )


def test_an_end_token_that_is_typed_as_markup_is_text(shipped, shipped_page):
    found = pieces(shipped, shipped_page, "</s>")
    assert "⟨/s⟩" not in found and "".join(found).removeprefix("·") == "</s>"
