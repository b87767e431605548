"""The key–value cache: what is computed anew at each step, what is read again, what that saves, and its time.

k and v (token, d_head) of one head of each attention, as the full pass has them: where it looks back, row t
is computed at step t, else all rows at step 1. What the incremental decoder really keeps is compared with
them over all layers (`cache_check`); both ways of decoding are timed, and so are the fused steps that the
page decodes by (`cache_time`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from model import Glass, Trace, Translation, counts
from model.anatomy import Block
from model.config import Config
from model.decoding import Incremental
from model.fused import fits
from model.transformer import DecoderState, Transformer
from viz.instruments import pack
from viz.instruments.base import Asked, Numbers, Refusal
from viz.instruments.decoding.lanes import attentions, ids_of, looks_back, sentence_side
from viz.instruments.link import Cell, Choice
from viz.instruments.output import single


def names_of(asked: Asked) -> tuple[str, ...]:
    return tuple(block.part for block in attentions(asked.glass.model.anatomy))


LINK = (
    Choice("cache", names_of, tab="cache"),
    Cell("cell", ("k", "v"), tab="cache"),
)
BUDGET_S = 0.5
"""Time that the measurement may take before it stops to repeat."""
LEAST_REPEATS, MOST_REPEATS = 5, 15


def lane_of(asked: Asked) -> tuple[Trace, Translation]:
    """The page's translation, or the branch of it that begins with the ids `forced`."""
    glass, translation = asked.glass, asked.translation
    forced = ids_of(glass, asked.values.get("forced", ""))
    if not forced:
        return asked.trace, translation
    if len(forced) >= glass.config.max_tgt_len:
        raise Refusal(f"A translation has at most {glass.config.max_tgt_len} tokens.")
    branch = glass.translate(translation.source, forced=forced)
    return glass.trace(translation.source, branch), branch


def lengths(trace: Trace, translation: Translation) -> dict[str, int]:
    """Keys of each attention, padding left out."""
    back, source = len(trace.predicts), len(translation.src_ids)
    return {block.part: back if looks_back(block) else source for block in attentions(trace.anatomy)}


def reads_of(glass: Glass, translation: Translation) -> list[int]:
    """Ids that the decoder reads, one a step."""
    return glass.rows(translation.ids)[0]


def work(model: Transformer, read: dict[str, int], steps: int) -> dict[str, list[dict[str, int]]]:
    """Multiply–adds of each step by block, all layers together, with and without the cache."""
    ways = {"cached": counts.cached_step, "uncached": counts.uncached_step}
    return {
        name: [
            {block: counts.total({block: count}, model.anatomy) for block, count in way.items()}
            for way in (count(model, read, step) for step in range(1, steps + 1))
        ]
        for name, count in ways.items()
    }


def product_of(config: Config, block: Block, way: str, n_source: int, t: int) -> str:
    """What multiplies to the work of a block's layers at step `t` (from 1), as text: see `model.counts`."""
    d, s = config.d_model, n_source
    if block.kind == "unembed":
        return f"{d} × {config.vocab_size}"
    if block.kind == "ffn":
        rows = "" if way == "cached" else f"{t} × "
        return f"{config.n_layers} × 2 × {rows}{d} × {config.d_ff}"
    if looks_back(block):
        product = {"cached": f"4 × {d}² + 2 × {t} × {d}", "uncached": f"4 × {t} × {d}² + 2 × {t}² × {d}"}[way]
    elif way == "uncached":
        product = f"2 × ({s} + {t}) × {d}² + 2 × {s} × {t} × {d}"
    else:
        product = f"2 × {d}² + 2 × {s} × {d}{f' + 2 × {s} × {d}²' if t == 1 else ''}"
    return f"{config.n_layers} × ({product})"


def counted(model: Transformer, n_source: int, steps: int) -> dict[str, Any]:
    """What is multiplied at each step, and by which products; what is computed `once`, whatever the way; the
    numbers that the cache holds; names of the blocks and of their stack."""
    anatomy, side = model.anatomy, sentence_side(model.anatomy).name
    read = {side: n_source}
    worked = work(model, read, steps)
    blocks = [anatomy.at(place) for place in worked["cached"][0]]
    every = range(1, steps + 1)

    def products(way: str, step: int) -> dict[str, str]:
        return {block.place: product_of(model.config, block, way, n_source, step) for block in blocks}

    once = {
        "title": anatomy.stack_over(side).title,
        "count": counts.total(counts.once(model, read), anatomy),
    }
    return {
        "blocks": {block.place: block.label for block in blocks},
        "stack": anatomy.stack_over(anatomy.predicting.name).title,
        "work": worked,
        "products": {way: [products(way, step) for step in every] for way in worked},
        "once": once,
        "numbers": [counts.cached_numbers(model, read, step) for step in every],
    }


def cache(asked: Asked) -> bytes:
    """Keys and values of one layer and head (from 0), every step's counts, and the sizes they come from."""
    glass, config = asked.glass, asked.glass.config
    layer = asked.whole("layer", 0, config.n_layers - 1)
    head = asked.whole("head", 0, config.n_heads - 1)
    trace, translation = lane_of(asked)
    sizes = lengths(trace, translation)
    anatomy, n_source, steps = trace.anatomy, len(translation.src_ids), len(trace.predicts)
    source = trace.sides[sentence_side(anatomy).name].tokens[:n_source]
    entries = {
        f"{block.part}_{letter}": trace[f"{block.scope(layer)}.{letter}"]
        for block in attentions(anatomy)
        for letter in "kv"
    }
    header = {
        "layer": layer,
        "head": head,
        "reads": trace.predicting.tokens[:steps],
        "source": source,
        "names": {name: entry.name for name, entry in entries.items()},
        "inputs": {name: entry.of[0] for name, entry in entries.items()},
        **counted(glass.model, n_source, steps),
        "sizes": {
            name: getattr(config, name) for name in ("n_layers", "n_heads", "d_model", "d_head", "d_ff")
        }
        | {"vocab": config.vocab_size},
    }
    rows = {name: sizes[name.rpartition("_")[0]] for name in entries}
    arrays = {name: single(entry.value[head, : rows[name]]) for name, entry in entries.items()}
    return pack(header, arrays)


def cache_terms(asked: Asked) -> bytes:
    """What k and v of a head are made from: `x` (token, d_model), and the head's W_k, W_v, b_k, b_v."""
    glass, config = asked.glass, asked.glass.config
    layer = asked.whole("layer", 0, config.n_layers - 1)
    head = asked.whole("head", 0, config.n_heads - 1)
    name = asked.values.get("site", "")
    trace, translation = lane_of(asked)
    scopes = {block.part: block.scope(layer) for block in attentions(trace.anatomy)}
    if name not in scopes:
        raise Refusal("There is no such attention.")
    x = trace[trace[f"{scopes[name]}.k"].of[0]].value[: lengths(trace, translation)[name]]
    rows = slice(head * config.d_head, (head + 1) * config.d_head)
    arrays = {"x": single(x)}
    for letter in "kv":
        linear = getattr(glass.model.block(scopes[name]), f"W_{letter}")
        arrays[f"W_{letter}"] = linear.weight[rows].detach().float().numpy()
        arrays[f"b_{letter}"] = linear.bias[rows].detach().float().numpy()
    return pack({"site": name}, arrays)


@torch.inference_mode()
def filled(model: Transformer, src_ids: list[int], reads: list[int]) -> DecoderState:
    """The incremental decoder after it has read all of `reads`, one a step."""
    source_ids = torch.tensor([src_ids])
    keep = torch.ones_like(source_ids, dtype=torch.bool)
    state = model.start(model.encode(source_ids, keep), keep)
    for token in reads:
        model.step(torch.tensor([token]), state)
    return state


def cache_error(trace: Trace, state: DecoderState, sizes: Mapping[str, int]) -> float:
    """Largest |cache − trace| / max(1, |trace|) over k and v of all layers, heads and tokens; NaN is kept."""
    worst = [0.0]
    for i, caches in enumerate(state.caches):
        for block in attentions(trace.anatomy):
            for letter in "kv":
                kept = getattr(caches[block.part], letter)[0].double().numpy()
                made = trace[f"{block.scope(i)}.{letter}"].value[:, : sizes[block.part]].astype(np.float64)
                if kept.shape != made.shape:
                    return float("nan")
                worst.append(np.max(np.abs(kept - made) / np.maximum(1, np.abs(made)), initial=0.0))
    return float(np.max(worst))


def cache_check(asked: Asked) -> bytes:
    """The lane decoded again, step by step: `error`, how far its cache is from the full pass's k and v."""
    glass = asked.glass
    trace, translation = lane_of(asked)
    state = filled(glass.model, list(translation.src_ids), reads_of(glass, translation))
    error = cache_error(trace, state, lengths(trace, translation))
    return pack({"steps": state.length}, {"error": np.array([error], dtype=np.float32)})


def ways_of(model: Transformer, src_ids: list[int], reads: list[int]) -> dict[str, Iterator[float | None]]:
    """Each way of decoding as an iterator: the encoder, then a step each up to its most probable token."""
    source_ids, target_ids = torch.tensor([src_ids]), torch.tensor([reads])
    keep = torch.ones_like(source_ids, dtype=torch.bool)

    def cached() -> Iterator[float | None]:
        state = model.start(model.encode(source_ids, keep), keep)
        yield None
        for t in range(len(reads)):
            yield model.step(target_ids[:, t], state).argmax(-1).item()

    def uncached() -> Iterator[float | None]:
        memory = model.encode(source_ids, keep)
        yield None
        for t in range(len(reads)):
            states = model.decode(target_ids[:, : t + 1], memory, keep)[:, -1:]
            yield model.unembed(states)[:, -1].argmax(-1).item()

    def fused() -> Iterator[float | None]:
        steps = Incremental(model, src_ids)
        yield None
        for token in reads:
            yield steps.log_probs([token]).argmax(-1).item()

    return {"cached": cached(), "uncached": uncached()} | ({"fused": fused()} if fits(model) else {})


@torch.inference_mode()
def timed(model: Transformer, src_ids: list[int], reads: list[int], first: int = 0) -> dict[str, list[float]]:
    """Seconds of the encoder, then of each step, one list a way.

    All ways take a step before any takes the next, so that what else the machine does slows them alike; the
    way that begins changes with `first` and from step to step.
    """
    ways = ways_of(model, src_ids, reads)
    took: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for step in range(1 + len(reads)):
        for n in range(len(names)):
            name = names[(first + step + n) % len(names)]
            start = time.perf_counter()
            next(ways[name])
            took[name].append(time.perf_counter() - start)
    return took


def spread(values: np.ndarray) -> list[float]:
    """The lower quartile, the median and the upper quartile."""
    quartiles: list[float] = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return quartiles


def summary(runs: Sequence[Mapping[str, list[float]]]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Of several runs: quartiles of each way's whole time in ms and of the ratio of the two within a run;
    medians of each step."""
    ms = {name: 1000 * np.array([run[name] for run in runs]) for name in runs[0]}
    totals = {name: each.sum(-1) for name, each in ms.items()}
    fused = totals.pop("fused", None)
    header = {
        "repeats": len(runs),
        "total_ms": {name: spread(total) for name, total in totals.items()},
        "ratio": spread(totals["uncached"] / totals["cached"]),
        "fused_ms": None if fused is None else spread(fused),
    }
    return header, {f"{name}_ms": np.median(ms[name][:, 1:], axis=0).astype(np.float32) for name in totals}


def cache_time(asked: Asked) -> bytes:
    """All ways of decoding the lane, timed side by side several times (see `timed`, `summary`).

    The first run, which warms up, does not count.
    """
    glass = asked.glass
    trace, translation = lane_of(asked)
    decoded = glass.model, list(translation.src_ids), reads_of(glass, translation)
    timed(*decoded)
    runs: list[dict[str, list[float]]] = []
    start = time.perf_counter()
    while len(runs) < MOST_REPEATS:
        runs.append(timed(*decoded, first=len(runs)))
        spent = time.perf_counter() - start
        if len(runs) >= LEAST_REPEATS and spent * (len(runs) + 1) / len(runs) > BUDGET_S:
            break
    header, steps = summary(runs)
    return pack({**header, "at": time.time()}, steps)


NUMBERS = {
    "cache": Numbers(cache),
    "cache_terms": Numbers(cache_terms),
    "cache_check": Numbers(cache_check),
    "cache_time": Numbers(cache_time),
}
