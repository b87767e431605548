"""glass.py: any text gets a translation or a clear sentence; a trace shows exactly its translation."""

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.glass import EmptyText, Glass, TextError, TextTooLong, Translation
from model.limits import LimitError
from model.text import read
from model.trace import Trace, TraceError
from tests.helpers import checkpoints
from tests.helpers.disguise import disguised
from tests.helpers.rounding import APART
from tests.helpers.tiny import PAIRS, SIZES, tiny_checkpoint, tiny_glass

TEXT, EXPECTED = PAIRS[0]
LIMIT = SIZES["max_src_len"]
TARGET_LIMIT = SIZES["max_tgt_len"]


@pytest.fixture(scope="module")
def glass(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """Knows PAIRS by heart; float64, for a translation and its trace add in another order."""
    return checkpoints.exact(tiny_checkpoint(tmp_path_factory.mktemp("learnt") / "en-de", learnt=True))


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """Random weights, whose translations run into the length limit."""
    return checkpoints.exact(tiny_checkpoint(tmp_path_factory.mktemp("random") / "random", seed=1))


def text_of_tokens(glass: Glass, count: int) -> str:
    """A text of exactly that many tokens."""
    text = "A" + " man" * (count - 1)
    assert len(glass.tokenizer.encode(text)) == count
    return text


def log_softmax(trace: Trace) -> Tensor:
    return torch.tensor(trace["output.logits"].value).log_softmax(-1)


# Translations


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("beam", [1, 3])
def test_a_translation_tells_all_about_itself(glass: Glass, source: str, target: str, beam: int):
    out = glass.translate(source, beam, alpha=0.8)
    assert out.text == target
    assert out.source == source
    assert out.src_ids == (*glass.tokenizer.encode(source), glass.config.eos_id)
    assert glass.tokenizer.decode(out.ids).strip() == target
    assert out.tokens == tuple(glass.tokenizer.readable(i) for i in out.ids)
    assert tuple(step.id for step in out.steps) == (*out.ids, glass.config.eos_id)
    assert out.log_prob == pytest.approx(sum(step.log_prob for step in out.steps))
    assert out.finished
    assert (out.beam, out.alpha) == (beam, 0.8)
    assert bool(out.beams) == (beam > 1)


def test_an_unfinished_translation_is_as_long_as_the_limit_and_says_so(endless: Glass):
    for beam in (1, 3):
        out = endless.translate("A man.", beam)
        assert not out.finished
        assert len(out.ids) == len(out.steps) == TARGET_LIMIT
        assert tuple(step.id for step in out.steps) == out.ids


@pytest.mark.parametrize("beam", [0, -1, 65])
def test_a_beam_outside_its_range_is_refused(glass: Glass, beam: int):
    with pytest.raises(LimitError, match=f"from 1 to 64, not {beam}"):
        glass.translate(TEXT, beam)


@pytest.mark.parametrize("beam", [1, 2])
@pytest.mark.parametrize("alpha", [float("nan"), float("inf"), 1e9, -1])
def test_an_alpha_outside_its_range_is_refused_for_every_beam(glass: Glass, beam: int, alpha: float):
    with pytest.raises(LimitError, match="alpha must be a number from 0 to 5"):
        glass.translate(TEXT, beam, alpha)


@pytest.mark.parametrize(
    ("before", "after"), [("  ", ""), ("", "\n"), ("\t\r\n", " \u00a0\u2003 "), ("\u2028", "\x85")]
)
def test_outer_white_space_is_ignored(glass: Glass, before: str, after: str):
    out = glass.translate(before + TEXT + after)
    assert (out.text, out.src_ids) == (EXPECTED, glass.translate(TEXT).src_ids)


@pytest.mark.parametrize(("source", "target"), PAIRS[:-1])
@pytest.mark.parametrize("seed", range(5))
def test_text_that_looks_the_same_has_the_same_ids_and_translation(
    glass: Glass, source: str, target: str, seed: int
):
    out, typed = glass.translate(source), disguised(source, random.Random(seed))
    again = glass.translate(typed)
    assert again.src_ids == out.src_ids, ascii(typed)
    assert (again.text, again.ids, again.log_prob) == (out.text, out.ids, out.log_prob)
    forced = glass.trace(typed, disguised(target, random.Random(seed)))
    assert (forced.sides["src"].ids, forced.sides["tgt"].ids) == (
        out.src_ids,
        (glass.config.bos_id, *out.ids),
    )
    assert (forced.meta["source"], forced.meta["read_as"]) == (typed, source)


BLANK = [
    "",
    " ",
    "\n",
    " \t\r\n ",
    "\u00a0\u2003\u3000",
    "\u2028\x85",
    "\x1c",
    "\ufeff\u200b",
    "\u00ad \u3164",
]


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_text_is_refused_as_empty(glass: Glass, text: str):
    with pytest.raises(EmptyText, match="^The sentence is empty: .*[.]$"):
        glass.translate(text)
    with pytest.raises(EmptyText):
        glass.trace(text)
    with pytest.raises(EmptyText, match="^The translation is empty: "):
        glass.trace(TEXT, text)


def test_a_text_exactly_at_the_limit_is_translated(glass: Glass):
    assert len(glass.translate(text_of_tokens(glass, LIMIT - 1)).src_ids) == LIMIT


def test_a_text_one_token_over_the_limit_is_refused_with_the_numbers(glass: Glass):
    with pytest.raises(TextTooLong) as caught:
        glass.translate(text_of_tokens(glass, LIMIT))
    assert (caught.value.limit, caught.value.count) == (LIMIT, LIMIT + 1)
    assert f"has {LIMIT + 1} tokens" in str(caught.value)
    assert f"at most {LIMIT}" in str(caught.value)


OVERLONG = [
    "A man " * 40,
    "  " + "The street in the park, an old book. " * 20,
    "übermäßig große Äpfel fallen nicht weit " * 8,
    "🚲🐕" * 40,
    "x" * 300,
    "“A\u00a0man”\u200b rides … " * 20,
    "a  b   c    d     " * 30,
]


@pytest.mark.parametrize("text", OVERLONG)
def test_the_part_said_to_fit_fits_and_one_token_more_does_not(glass: Glass, text: str):
    with pytest.raises(TextTooLong) as caught:
        glass.translate(text)
    fits = caught.value.fits
    assert read(text).startswith(fits)
    assert len(glass.translate(fits).src_ids) <= LIMIT
    rest = read(text)[len(fits) :]
    longer = next(
        fits + rest[:n] for n in range(1, len(rest)) if len(glass.tokenizer.encode(fits + rest[:n])) >= LIMIT
    )
    with pytest.raises(TextTooLong):
        glass.translate(longer + ".")


STRANGE = {
    "a megabyte of words": "word " * 200_000,
    "a megabyte without spaces": "x" * 1_000_000,
    "a megabyte of line breaks around a word": "\n" * 500_000 + "dog" + "\n" * 500_000,
    "ten thousand emoji": "🚲" * 10_000,
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x1b[31m",
    "script": "<script>alert('x')</script>",
    "right to left": "رجل يركب دراجة",
    "bidirectional controls": "a\u202eb\u2066c\u2069",
    "NUL": "\x00",
    "NUL inside": "a\x00b",
    "combining marks": "Z\u0351\u036b\u0343\u0363\u035f\u0324",
    "special tokens": "<s></s><pad>",
    "highest code point": "\U0010ffff",
    "noncharacters": "\ufffe\uffff\ufdd0",
    "family": "👩‍👩‍👧‍👦",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("beam", [1, 2])
def test_a_strange_text_gets_an_answer_or_a_clear_sentence(glass: Glass, text: str, beam: int):
    try:
        out = glass.translate(text, beam)
    except TextError as error:
        assert str(error).startswith("The sentence ")
        assert len(str(error)) < 250
    else:
        assert isinstance(out, Translation)
        assert glass.trace(text, out).sides["src"].tokens[-1] == "⟨/s⟩"


@pytest.mark.parametrize("text", ["\ud83d", "a \udc80 b", "\udfff" * 50_000])
def test_a_lone_surrogate_is_refused_with_a_sentence(glass: Glass, text: str):
    for call in (glass.translate, glass.trace, lambda text: glass.trace(TEXT, text)):
        with pytest.raises(TextError, match="half a character"):
            call(text)


def test_eight_threads_translate_as_one_does(glass: Glass):
    jobs = [(text, beam) for text, _ in PAIRS for beam in (1, 2, 3)]
    serial = [glass.translate(*job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda job: glass.translate(*job), jobs)) == serial


def test_eight_threads_trace_as_one_does(glass: Glass):
    texts = [text for text, _ in PAIRS]
    serial = [glass.trace(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for alone, shared in zip(serial, pool.map(glass.trace, texts), strict=True):
            assert alone.keys() == shared.keys()
            assert all(np.array_equal(alone[name].value, shared[name].value) for name in alone)


# Traces


def test_row_t_reads_the_token_before_and_predicts_token_t(glass: Glass):
    out = glass.translate(TEXT)
    trace = glass.trace(TEXT, out)
    assert trace.sides["src"].ids == out.src_ids
    assert trace.sides["src"].tokens == (*map(glass.tokenizer.readable, out.src_ids[:-1]), "⟨/s⟩")
    assert trace.sides["tgt"].ids == (glass.config.bos_id, *out.ids)
    assert trace.sides["tgt"].tokens == ("⟨s⟩", *out.tokens)
    assert trace.predicts == (*out.tokens, "⟨/s⟩")
    assert len(trace.predicts) == len(trace.sides["tgt"].tokens) == len(out.steps)
    weights = trace["decoder.1.cross_attn.weights"]
    assert weights.labels == {"query": trace.sides["tgt"].tokens, "key": trace.sides["src"].tokens}
    assert weights.value.shape == (4, len(trace.sides["tgt"].tokens), len(trace.sides["src"].tokens))


def test_each_row_of_the_trace_gives_the_step_of_the_translation(glass: Glass):
    for beam in (1, 3):
        out = glass.translate(TEXT, beam)
        for step, row in zip(out.steps, log_softmax(glass.trace(TEXT, out)), strict=True):
            assert row[step.id].item() == pytest.approx(step.log_prob, abs=1e-10)
            assert row.argmax() == step.id


def test_probabilities_are_the_softmax_of_the_logits_and_sum_to_one(glass: Glass):
    trace = glass.trace(TEXT)
    probs = trace["output.probs"].value
    assert np.abs(probs.sum(-1) - 1).max() < 1e-12
    assert np.abs(probs - log_softmax(trace).exp().numpy()).max() < 1e-12


def test_a_target_comes_as_translation_ids_text_or_not_at_all(glass: Glass):
    out = glass.translate(TEXT)
    traces = [glass.trace(TEXT, target) for target in (out, out.ids, list(out.ids), out.text, None)]
    for trace in traces:
        assert trace.sides["tgt"].ids == (glass.config.bos_id, *out.ids)
        assert trace.meta == {"model": "en-de", "source": TEXT, "read_as": TEXT, "translation": EXPECTED}
        assert np.array_equal(trace["output.logits"].value, traces[0]["output.logits"].value)


def test_another_translation_can_be_forced(glass: Glass):
    trace = glass.trace(TEXT, PAIRS[1][1])
    assert trace.meta["translation"] == PAIRS[1][1]
    assert trace.sides["tgt"].ids[1:] == tuple(glass.tokenizer.encode(PAIRS[1][1]))


def test_a_target_of_no_tokens_shows_the_first_row_only(glass: Glass):
    trace = glass.trace(TEXT, [])
    assert (trace.sides["tgt"].tokens, trace.predicts) == (("⟨s⟩",), ("⟨/s⟩",))


def test_an_unfinished_translation_traces_up_to_the_limit(endless: Glass):
    for beam in (1, 3):
        out = endless.translate("A man.", beam)
        trace = endless.trace("A man.", out)
        assert trace.sides["tgt"].tokens == ("⟨s⟩", *out.tokens[:-1])
        assert trace.predicts == out.tokens
        taken = log_softmax(trace)[range(TARGET_LIMIT), out.ids]
        assert taken.tolist() == pytest.approx([step.log_prob for step in out.steps], abs=1e-10)
    assert len(endless.trace("A man.").sides["tgt"].tokens) == TARGET_LIMIT


def test_a_target_text_at_the_limit_is_traced_and_one_more_token_is_refused(glass: Glass):
    assert len(glass.trace(TEXT, text_of_tokens(glass, TARGET_LIMIT - 1)).sides["tgt"].ids) == TARGET_LIMIT
    with pytest.raises(TextTooLong, match=f"The translation has {TARGET_LIMIT + 1} tokens") as caught:
        glass.trace(TEXT, text_of_tokens(glass, TARGET_LIMIT))
    assert (caught.value.limit, caught.value.count) == (TARGET_LIMIT, TARGET_LIMIT + 1)
    assert glass.trace(TEXT, caught.value.fits).sides["tgt"].tokens


def test_too_many_target_ids_are_refused(glass: Glass):
    assert len(glass.trace(TEXT, [5] * TARGET_LIMIT).sides["tgt"].ids) == TARGET_LIMIT
    with pytest.raises(TextTooLong, match="The translation has"):
        glass.trace(TEXT, [5] * (TARGET_LIMIT + 1))


@pytest.mark.parametrize("bad", [-1, 10_000])
def test_an_id_outside_the_vocabulary_is_refused(glass: Glass, bad: int):
    with pytest.raises(TextError, match=f"There is no token {bad}: ids run from 0 to "):
        glass.trace(TEXT, [5, bad])


@pytest.mark.parametrize(("dtype", "tolerance"), APART.items(), ids=["64", "32"])
def test_padding_gets_no_weight_and_changes_no_real_row(tmp_path: Path, dtype: torch.dtype, tolerance: float):
    glass = tiny_glass(tmp_path, learnt=True)
    glass.model.to(dtype)
    out = glass.translate(TEXT)
    plain, padded = glass.trace(TEXT, out), glass.trace(TEXT, out, pad_to=LIMIT)
    n_src, n_tgt = len(plain.sides["src"].ids), len(plain.sides["tgt"].ids)
    assert padded.sides["src"].tokens == (*plain.sides["src"].tokens, *["⟨pad⟩"] * (LIMIT - n_src))
    assert padded.sides["tgt"].tokens == (*plain.sides["tgt"].tokens, *["⟨pad⟩"] * (LIMIT - n_tgt))
    assert padded.sides["src"].ids[n_src:] == (0,) * (LIMIT - n_src)
    assert padded.keys() == plain.keys()
    real = {"src": n_src, "tgt": n_tgt}
    for name, entry in padded.items():
        cut = tuple(slice(real[entry.sides[axis]] if axis in entry.sides else None) for axis in entry.axes)
        atol = tolerance * max(1, np.abs(plain[name].value[np.isfinite(plain[name].value)]).max())
        np.testing.assert_allclose(entry.value[cut], plain[name].value, rtol=0, atol=atol, err_msg=name)
        if name.endswith(".weights"):
            assert not entry.value[..., real[entry.sides["key"]] :].any(), name


def test_padding_to_less_than_the_sentence_changes_nothing(glass: Glass):
    assert glass.trace(TEXT, pad_to=3).sides["tgt"].tokens == glass.trace(TEXT).sides["tgt"].tokens


def test_padding_beyond_the_limit_is_refused(glass: Glass):
    with pytest.raises(TextError, match=f"up to {LIMIT} tokens on this side, not {LIMIT + 1}"):
        glass.trace(TEXT, pad_to=LIMIT + 1)


# Edits


def without_head(value: Tensor, parents: Mapping[str, Tensor]) -> Tensor:
    others = torch.ones(value.shape[1])
    others[2] = 0
    return value * others[:, None, None]


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("site", ["weights", "v"])
def test_a_translation_without_a_head_is_that_of_the_edited_trace(glass: Glass, site: str, beam: int):
    edits = {f"decoder.{i}.cross_attn.{site}": without_head for i in range(2)}
    plain, out = glass.translate(TEXT, beam), glass.translate(TEXT, beam, edits=edits)
    trace = glass.trace(TEXT, out, edits=edits)
    taken = log_softmax(trace)[range(len(out.steps)), [step.id for step in out.steps]]
    assert taken.tolist() == pytest.approx([step.log_prob for step in out.steps], abs=1e-10)
    assert abs(out.log_prob - plain.log_prob) > 1e-3
    assert not trace[f"decoder.0.cross_attn.{site}"].value[2].any()
    assert glass.translate(TEXT, beam) == plain


def test_an_edited_trace_without_target_shows_the_edited_translation(glass: Glass):
    edits = {f"decoder.{i}.cross_attn.weights": lambda value, parents: value * 0 for i in range(2)}
    out = glass.translate(TEXT, edits=edits)
    assert out.text != EXPECTED
    assert glass.trace(TEXT, edits=edits).sides["tgt"].ids == (glass.config.bos_id, *out.ids)[:TARGET_LIMIT]


@pytest.mark.parametrize("name", ["decoder.9.cross_attn.weights", "nowhere", "encoder.0.cross_attn.z"])
@pytest.mark.parametrize("target", [EXPECTED, None])
def test_an_edit_of_an_unknown_entry_is_refused(glass: Glass, name: str, target: str | None):
    with pytest.raises(TraceError, match=f"no entry named {name} to edit"):
        glass.trace(TEXT, target, edits={name: lambda value, parents: value})
