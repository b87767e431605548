"""decoding.cache: keys and values are the trace's own, counts and sizes the model's, both ways are timed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model import counts, load
from model.fused import fits
from tests.helpers import checkpoints
from tests.helpers.asked import decoding_numbers, decoding_refusal
from tests.helpers.messages import unpack
from tests.helpers.rounding import of_product
from tests.helpers.texts import N_HEADS, N_LAYERS, TEXTS
from viz.instruments.decoding.parts import cache as cache_module
from viz.instruments.decoding.parts.cache import (
    LEAST_REPEATS,
    cache_error,
    filled,
    lengths,
    reads_of,
    summary,
)
from viz.instruments.output import single

SITES = ("self_attn", "cross_attn")
TEXT = "A man in a blue shirt is standing on a ladder."


@pytest.fixture(scope="module", params=["plain", "padded", "beam", "branch", "rotary", "pre-norm"])
def lane(request, exact_glass, tmp_path_factory):
    """Glass, the page's trace and translation, what the browser asks, and the trace of the open lane."""
    glass, kind, asked = exact_glass, request.param, {}
    if kind in ("rotary", "pre-norm"):
        changes = {"positions": "rotary"} if kind == "rotary" else {"norm": "pre"}
        folder = checkpoints.make(tmp_path_factory.mktemp("other"), kind, N_LAYERS, N_HEADS, **changes)
        glass = checkpoints.exact(folder)
    translation = glass.translate(TEXT, beam=3 if kind == "beam" else 1)
    trace = glass.trace(TEXT, translation, pad_to=12 if kind == "padded" else None)
    opened = trace, translation
    if kind == "branch":
        asked = {"forced": "20.21.22"}
        branch = glass.translate(TEXT, forced=[20, 21, 22])
        opened = glass.trace(TEXT, branch), branch
    return glass, (trace, translation), asked, opened


def sent(lane, name, **asked):
    glass, page, forced, _ = lane
    return unpack(decoding_numbers(name, (glass, *page), **forced, **asked))


def test_keys_and_values_of_every_layer_and_head_are_the_traces_bit_for_bit(lane):
    _, _, _, (trace, translation) = lane
    rows = {"self_attn": len(trace.predicts), "cross_attn": len(translation.src_ids)}
    for layer in range(N_LAYERS):
        for head in range(N_HEADS):
            header, arrays = sent(lane, "cache", layer=layer, head=head)
            assert header["reads"] == list(trace.sides["tgt"].tokens[: rows["self_attn"]])
            assert header["source"] == list(trace.sides["src"].tokens[: rows["cross_attn"]])
            for site in SITES:
                for letter in "kv":
                    entry = trace[f"decoder.{layer}.{site}.{letter}"]
                    assert header["names"][f"{site}_{letter}"] == entry.name
                    expected = single(entry.value[head, : rows[site]])
                    assert arrays[f"{site}_{letter}"].tobytes() == expected.tobytes()


def test_a_key_or_value_is_made_from_the_terms_sent(lane):
    for name in SITES:
        _, shown = sent(lane, "cache", layer=1, head=1)
        _, terms = sent(lane, "cache_terms", layer=1, head=1, site=name)
        for letter in "kv":
            x, W, b = (terms[part].astype(float) for part in ("x", f"W_{letter}", f"b_{letter}"))
            error = np.abs(x @ W.T + b - shown[f"{name}_{letter}"])
            assert (error <= of_product(x, W, b)).all()


def test_the_incremental_decoders_cache_is_the_full_passes_keys_and_values(lane):
    _, _, _, (trace, _) = lane
    header, arrays = sent(lane, "cache_check")
    assert header["steps"] == len(trace.predicts)
    assert 0 <= arrays["error"][0] <= 1e-10


@pytest.mark.parametrize(("change", "expected"), [(0.5, 0.5), (np.nan, np.nan)])
@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("letter", "kv")
def test_the_check_sees_one_wrong_number_in_any_layer(exact_glass, change, expected, site, letter):
    translation = exact_glass.translate(TEXT)
    trace = exact_glass.trace(TEXT, translation)
    state = filled(exact_glass.model, list(translation.src_ids), reads_of(exact_glass, translation))
    held = state.caches[-1][site]
    wrong = getattr(held, letter).clone()
    place = tuple(index[-1] for index in torch.where(wrong.abs() < 1))
    wrong[place] += change
    setattr(held, letter, wrong)
    error = cache_error(trace, state, lengths(trace, translation))
    assert error == pytest.approx(expected, abs=1e-10, nan_ok=True)


def test_counts_of_every_step_are_those_of_the_model(lane):
    glass, _, _, (trace, translation) = lane
    header, _ = sent(lane, "cache", layer=0, head=0)
    read, steps = {"src": len(translation.src_ids)}, len(trace.predicts)
    anatomy = glass.model.anatomy
    assert len(header["work"]["cached"]) == len(header["work"]["uncached"]) == len(header["numbers"]) == steps
    for step in range(1, steps + 1):
        for name, count in {"cached": counts.cached_step, "uncached": counts.uncached_step}.items():
            shown = header["work"][name][step - 1]
            assert sum(shown.values()) == counts.total(count(glass.model, read, step), anatomy)
            products = header["products"][name][step - 1]
            made = {
                block: eval(text.replace("×", "*").replace("²", "**2")) for block, text in products.items()
            }
            assert made == shown
        assert header["numbers"][step - 1] == counts.cached_numbers(glass.model, read, step)
    works = counts.multiply_adds(glass.model, read | {"tgt": 0})
    whole, cross = counts.total(works, anatomy), N_LAYERS * works["decoder.cross_attn"]
    assert header["once"] == {"title": "encoder", "count": whole - cross}


def test_both_ways_are_timed_over_all_steps(lane):
    _, _, _, (trace, _) = lane
    header, arrays = sent(lane, "cache_time")
    assert header["repeats"] >= LEAST_REPEATS
    for name in ("cached", "uncached"):
        assert len(arrays[f"{name}_ms"]) == len(trace.predicts)
        assert (arrays[f"{name}_ms"] > 0).all()
        assert header["total_ms"][name] == sorted(header["total_ms"][name])
    assert header["ratio"] == sorted(header["ratio"]) and header["ratio"][0] > 0
    assert (header["fused_ms"] is None) == (not fits(lane[0].model))


def test_all_ways_take_a_step_before_any_takes_the_next(small_glass, monkeypatch):
    """What slows the machine for a while slows all ways alike; each begins as often as the others."""
    taken = []

    def way(name):
        for step in range(4):
            taken.append((step, name))
            yield

    monkeypatch.setattr(cache_module, "ways_of", lambda *_: {name: way(name) for name in "abc"})
    took = cache_module.timed(small_glass.model, [5, 2], [1, 5, 6], first=1)
    assert [step for step, _ in taken] == [step for step in range(4) for _ in range(3)]
    assert [name for _, name in taken[::3]] == ["b", "c", "a", "b"]
    assert all(len(each) == 4 for each in took.values())


def test_a_summary_gives_medians_and_the_middle_half_and_ratios_within_a_run():
    """One run of five came while the machine was ten times as slow: nothing but its own place moves."""
    slow = [1, 1, 10, 1, 1]
    runs = [
        {"cached": [0.001 * s, 0.002 * s], "uncached": [0.001 * s, (0.004 + n / 1000) * s]}
        for n, s in enumerate(slow)
    ]
    header, steps = summary(runs)
    assert header["repeats"] == 5 and header["fused_ms"] is None
    assert header["total_ms"]["cached"] == pytest.approx([3, 3, 3])
    assert header["ratio"] == pytest.approx([6 / 3, 7 / 3, 8 / 3])
    assert steps["cached_ms"] == pytest.approx([2])


@pytest.mark.parametrize("text", [*TEXTS.values(), "a"])
def test_any_sentence_is_answered(small_glass, text):
    translation = small_glass.translate(text)
    page = small_glass.trace(text, translation), translation
    for name, asked in {"cache": {"layer": "2", "head": "1"}, "cache_check": {}, "cache_time": {}}.items():
        assert decoding_numbers(name, (small_glass, *page), **asked)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("cache", {}),
        ("cache", {"layer": N_LAYERS, "head": 0}),
        ("cache", {"layer": 0, "head": -1}),
        ("cache", {"layer": "x", "head": 0}),
        ("cache_terms", {"layer": 0, "head": 0, "site": "encoder"}),
        ("cache", {"layer": 0, "head": 0, "forced": "99999"}),
        ("cache_check", {"forced": ".".join(["5"] * 12)}),
    ],
)
def test_what_makes_no_sense_is_answered_by_a_sentence(small_glass, name, asked):
    translation = small_glass.translate(TEXT)
    page = small_glass.trace(TEXT, translation), translation
    assert decoding_refusal(name, (small_glass, *page), **asked).endswith(".")


def test_the_bytes_of_a_layer_stay_small_at_the_apps_size(tmp_path):
    glass = load(checkpoints.make(tmp_path, "full", 4, 4, d_model=128, max_tgt_len=32))
    text = checkpoints.text_of(glass, 20)
    translation = replace(glass.translate(text), ids=tuple(range(5, 24)))
    page = glass.trace(text, translation), translation
    asked = {"layer": "3", "head": "3", "site": "self_attn"}
    assert len(decoding_numbers("cache", (glass, *page), **asked)) < 24_000
    assert len(decoding_numbers("cache_terms", (glass, *page), **asked)) < 60_000
