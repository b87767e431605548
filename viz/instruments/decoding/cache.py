"""The key–value cache: what is computed anew at each step, what is read again, what that saves, and its time.

own, cross: k and v (token, d_head) of one head of masked self-attention and of cross-attention, as the full
pass has them; row t of `own` is computed at step t, all rows of `cross` at step 1. What the incremental
decoder really keeps is compared with them over all layers (`cache_check`); both ways of decoding are timed,
and so are the fused steps that the page decodes by (`cache_time`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median

import numpy as np
import torch

from model import Glass, Trace, Translation, counts
from model.decoding import Incremental
from model.fused import fits
from model.transformer import DecoderState, Transformer
from viz.instruments import pack
from viz.instruments.decoding.parts import ids_of, part, whole
from viz.instruments.output import single

SITES = {"own": "self_attn", "cross": "cross_attn"}
BUDGET_S = 0.5
"""Time that the measurement may take before it stops to repeat."""
MOST_REPEATS = 9


def lane_of(
    glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]
) -> tuple[Trace, Translation]:
    """The page's translation, or the branch of it that begins with the ids `forced`."""
    forced = ids_of(glass, values.get("forced", ""))
    if not forced:
        return trace, translation
    if len(forced) >= glass.config.max_tgt_len:
        raise ValueError(f"A translation has at most {glass.config.max_tgt_len} tokens.")
    branch = glass.translate(translation.source, forced=forced)
    return glass.trace(translation.source, branch), branch


def lengths(trace: Trace, translation: Translation) -> dict[str, int]:
    """Tokens of each site's keys, padding left out."""
    return {"own": len(trace.predicts), "cross": len(translation.src_ids)}


def reads_of(glass: Glass, translation: Translation) -> list[int]:
    """Ids that the decoder reads, one a step."""
    return glass.rows(translation.ids)[0]


def work(glass: Glass, n_src: int, steps: int) -> dict[str, list[dict[str, int]]]:
    """Multiply–adds of each step by block, all layers together, with and without the cache."""
    ways = {"cached": counts.cached_step, "uncached": counts.uncached_step}
    n_layers = glass.config.n_layers
    return {
        name: [
            {block: counts.total({block: count}, n_layers) for block, count in way.items()}
            for way in (count(glass.config, n_src, step) for step in range(1, steps + 1))
        ]
        for name, count in ways.items()
    }


@part("cache")
def cache(glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]) -> bytes:
    """Keys and values of one layer and head (from 0), every step's counts, and the sizes they come from."""
    config = glass.config
    layer = whole(values, "layer", 0, config.n_layers - 1)
    head = whole(values, "head", 0, config.n_heads - 1)
    trace, translation = lane_of(glass, trace, translation, values)
    sizes = lengths(trace, translation)
    entries = {
        f"{name}_{letter}": trace[f"decoder.{layer}.{site}.{letter}"]
        for name, site in SITES.items()
        for letter in "kv"
    }
    encoder = counts.multiply_adds(config, sizes["cross"], 0)
    header = {
        "layer": layer,
        "head": head,
        "reads": trace.tgt_tokens[: sizes["own"]],
        "src": trace.src_tokens[: sizes["cross"]],
        "names": {name: entry.name for name, entry in entries.items()},
        "inputs": {name: entry.of[0] for name, entry in entries.items()},
        "work": work(glass, sizes["cross"], sizes["own"]),
        "encoder": counts.total(
            {block: count for block, count in encoder.items() if block.startswith("encoder.")},
            config.n_layers,
        ),
        "numbers": [counts.cached_numbers(config, sizes["cross"], t + 1) for t in range(sizes["own"])],
        "sizes": {
            name: getattr(config, name) for name in ("n_layers", "n_heads", "d_model", "d_head", "d_ff")
        }
        | {"vocab": config.vocab_size},
    }
    arrays = {name: single(entry.value[head, : sizes[name.split("_")[0]]]) for name, entry in entries.items()}
    return pack(header, arrays)


@part("cache_terms")
def cache_terms(glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]) -> bytes:
    """What k and v of a head are made from: `x` (token, d_model), and the head's W_k, W_v, b_k, b_v."""
    config = glass.config
    layer = whole(values, "layer", 0, config.n_layers - 1)
    head = whole(values, "head", 0, config.n_heads - 1)
    name = values.get("site", "")
    if name not in SITES:
        raise ValueError("There is no such attention.")
    trace, translation = lane_of(glass, trace, translation, values)
    x = trace[trace[f"decoder.{layer}.{SITES[name]}.k"].of[0]].value[: lengths(trace, translation)[name]]
    rows = slice(head * config.d_head, (head + 1) * config.d_head)
    arrays = {"x": single(x)}
    for letter in "kv":
        linear = getattr(getattr(glass.model.decoder[layer], SITES[name]), f"W_{letter}")
        arrays[f"W_{letter}"] = linear.weight[rows].detach().float().numpy()
        arrays[f"b_{letter}"] = linear.bias[rows].detach().float().numpy()
    return pack({"site": name}, arrays)


@torch.inference_mode()
def filled(model: Transformer, src_ids: list[int], reads: list[int]) -> DecoderState:
    """The incremental decoder after it has read all of `reads`, one a step."""
    src = torch.tensor([src_ids])
    keep = torch.ones_like(src, dtype=torch.bool)
    state = model.start(model.encode(src, keep), keep)
    for token in reads:
        model.step(torch.tensor([token]), state)
    return state


def cache_error(trace: Trace, state: DecoderState, sizes: Mapping[str, int]) -> float:
    """Largest |cache − trace| / max(1, |trace|) over k and v of all layers, heads and tokens; NaN is kept."""
    worst = [0.0]
    for i, pair in enumerate(state.caches):
        for held, (name, site) in zip(pair, SITES.items(), strict=True):
            for letter in "kv":
                kept = getattr(held, letter)[0].double().numpy()
                made = trace[f"decoder.{i}.{site}.{letter}"].value[:, : sizes[name]].astype(np.float64)
                if kept.shape != made.shape:
                    return float("nan")
                worst.append(np.max(np.abs(kept - made) / np.maximum(1, np.abs(made)), initial=0.0))
    return float(np.max(worst))


@part("cache_check")
def cache_check(glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]) -> bytes:
    """The lane decoded again, step by step: `error`, how far its cache is from the full pass's k and v."""
    trace, translation = lane_of(glass, trace, translation, values)
    state = filled(glass.model, list(translation.src_ids), reads_of(glass, translation))
    error = cache_error(trace, state, lengths(trace, translation))
    return pack({"steps": state.length}, {"error": np.array([error], dtype=np.float32)})


@torch.inference_mode()
def timed(model: Transformer, src_ids: list[int], reads: list[int], cached: bool) -> list[float]:
    """Seconds of the encoder, then of each step up to its most probable token."""
    src, tgt = torch.tensor([src_ids]), torch.tensor([reads])
    keep = torch.ones_like(src, dtype=torch.bool)
    marks = [time.perf_counter()]
    memory = model.encode(src, keep)
    state = model.start(memory, keep)
    marks.append(time.perf_counter())
    for t in range(len(reads)):
        if cached:
            logits = model.step(tgt[:, t], state)
        else:
            logits = model.unembed(model.decode(tgt[:, : t + 1], memory, keep)[:, -1:])[:, -1]
        logits.argmax(-1).item()
        marks.append(time.perf_counter())
    return [after - before for before, after in zip(marks, marks[1:], strict=False)]


@torch.inference_mode()
def timed_fused(model: Transformer, src_ids: list[int], reads: list[int]) -> float:
    """Seconds of the encoder and all steps, as the page decodes (`model.fused`)."""
    start = time.perf_counter()
    decoder = Incremental(model, src_ids)
    for token in reads:
        decoder.log_probs([token]).argmax(-1).item()
    return time.perf_counter() - start


@part("cache_time")
def cache_time(glass: Glass, trace: Trace, translation: Translation, values: Mapping[str, str]) -> bytes:
    """Both ways run in turn, a few times: medians in ms of the whole, and of each step; `fused_ms`: the
    median of the whole as the page decodes, None for a model that has no fused steps."""
    trace, translation = lane_of(glass, trace, translation, values)
    asked = glass.model, list(translation.src_ids), reads_of(glass, translation)
    runs: dict[str, list[list[float]]] = {"cached": [], "uncached": []}
    fused: list[float] = []
    start = time.perf_counter()
    for repeat in range(1, MOST_REPEATS + 1):
        for name in runs:
            runs[name].append(timed(*asked, cached=name == "cached"))
        fused.append(timed_fused(*asked))
        spent = time.perf_counter() - start
        if spent * (repeat + 1) / repeat > BUDGET_S:
            break
    header = {
        "repeats": len(runs["cached"]),
        "at": time.time(),
        "total_ms": {name: 1000 * median(map(sum, each)) for name, each in runs.items()},
        "fused_ms": 1000 * median(fused) if fits(glass.model) else None,
    }
    steps = {name: 1000 * np.median(np.array(each)[:, 1:], axis=0) for name, each in runs.items()}
    return pack(header, {f"{name}_ms": array.astype(np.float32) for name, array in steps.items()})
