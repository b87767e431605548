"""The benchmark table of the server side, and as last line the same numbers as one JSON object.

    python -m tests.bench [--model en-de] [--repeats 50] [--tokens 20]

Things that are compared take turns within one run; every number is a median, and every ratio the median of
the ratios of neighbours. One thread, as in the app, and its processor time: on an idle machine the same as
the clock's, on a busy one without the waiting.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from model import Glass, load
from model.config import Config
from model.experiments import Experiment
from tests.checkpoints import text_of
from viz.instruments import ffn, output, positions, tokens
from viz.instruments.attention import exact, overview, projections
from viz.instruments.map import message as map_message

BUDGETS = {
    "trace_to_silent": 1.8,
    "trace_to_torch": 3.0,
    "answer_ms": 250,
    "overview_bytes": 200_000,
    "largest_first_picture_bytes": 200_000,
    "experiment_ms": 300,
    "ffn_exact_bytes": 120_000,
    "exact_bytes": 120_000,
    "projections_bytes": 265_000,
}
MEANING = {
    "tokens": "source and target tokens",
    "silent_ms": "forced pass, silent, ms",
    "trace_ms": "forced pass with full trace, ms",
    "torch_ms": "nn.Transformer of the same size, with embedding and logits, ms",
    "trace_to_silent": "trace / silent",
    "trace_to_torch": "trace / nn.Transformer",
    "answer_ms": "translate + trace + overview and map of a new sentence, ms",
    "experiment_ms": "an experiment: translate and trace with positions off, ms",
    "greedy_ms_per_token": "greedy decoding, ms a token",
    "overview_bytes": "overview of all heads, bytes",
    "overview_ms": "overview of all heads, ms",
    "map_bytes": "the map's thumbnails, bytes",
    "map_ms": "the map's thumbnails, ms",
    "tokens_bytes": "first picture of the tokens, bytes",
    "tokens_ms": "first picture of the tokens, ms",
    "positions_bytes": "first picture of the positions, bytes",
    "positions_ms": "first picture of the positions, ms",
    "ffn_bytes": "first picture of a feed-forward, bytes",
    "ffn_ms": "first picture of a feed-forward, ms",
    "output_bytes": "first picture of the output, bytes",
    "output_ms": "first picture of the output, ms",
    "largest_first_picture_bytes": "map and the largest first picture, bytes",
    "ffn_exact_bytes": "exact numbers of one feed-forward with its norm, bytes",
    "ffn_exact_ms": "exact numbers of one feed-forward with its norm, ms",
    "exact_bytes": "exact numbers of one layer (cross-attention), bytes",
    "exact_ms": "exact numbers of one layer (cross-attention), ms",
    "projections_bytes": "weight matrices of one layer, bytes",
    "projections_ms": "weight matrices of one layer, ms",
}
PLACE = "decoder.cross_attn"


class Reference(nn.Module):
    """torch's own Transformer, same size, from ids to probabilities: what a pass costs without us."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_layers, config.n_layers, config.d_ff,
            dropout=0.0, batch_first=True, norm_first=config.norm == "pre",
        )  # fmt: skip

    def forward(self, src: Tensor, tgt: Tensor, block: Tensor) -> Tensor:
        states = self.transformer(
            self.embedding(src), self.embedding(tgt), tgt_mask=block, tgt_is_causal=True
        )
        return (states @ self.embedding.weight.mT).softmax(-1)


def milliseconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


def interleaved(acts: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Times of each act, one after the other in turn, after one warming round."""
    for act in acts.values():
        act()
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(repeats):
        for name, act in acts.items():
            times[name].append(milliseconds(act))
    return times


def ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def measure(glass: Glass, n_tokens: int, repeats: int) -> dict[str, float]:
    """All medians and ratios for a sentence of `n_tokens` source tokens and as many rows of target."""
    text = text_of(glass, n_tokens)
    ids = glass.target_ids(text)[: n_tokens - 1]
    src, tgt = torch.tensor([glass.source_ids(text)]), torch.tensor([glass.rows(ids)[0]])
    keep = torch.ones_like(src, dtype=torch.bool)
    block = torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu(1)
    reference = Reference(glass.config).eval()

    def silent() -> None:
        with torch.inference_mode():
            glass.model.probabilities(glass.model(src, tgt, keep))

    def by_torch() -> None:
        with torch.inference_mode():
            reference(src, tgt, block)

    translation = glass.translate(text)
    trace, own = glass.trace(text, ids), glass.trace(text, translation)
    request = {"model": glass.name, "text": text, "beam": 1, "pad": 0, "version": ""}
    first = {
        "overview": lambda: overview(trace, request),
        "tokens": lambda: tokens.message(glass, trace, translation, request),
        "positions": lambda: positions.message(glass, trace, translation, request),
        "ffn": lambda: ffn.message(glass, trace, translation, request, "decoder.ffn"),
        "output": lambda: output.message(glass, own, translation, request),
    }
    messages = first | {
        "map": lambda: map_message(glass, trace, request),
        "ffn_exact": lambda: ffn.exact(glass, trace, "decoder.ffn", 0),
        "exact": lambda: exact(trace, PLACE, 0),
        "projections": lambda: projections(glass, PLACE, 0),
    }

    def answer() -> tuple[bytes, bytes]:
        found = glass.trace(text, glass.translate(text))
        return overview(found, request), map_message(glass, found, request)

    def experiment() -> bytes:
        return positions.experiment(glass, translation, Experiment(positions="off"), request)

    times = interleaved(
        {"silent": silent, "trace": lambda: glass.trace(text, ids), "torch": by_torch}, repeats
    )
    whole = interleaved(
        {"answer": answer, "greedy": lambda: glass.translate(text), "experiment": experiment},
        max(1, repeats // 5),
    )
    sent = interleaved(messages, max(1, repeats // 5))
    sizes = {name: len(message()) for name, message in messages.items()}
    return {
        "tokens": n_tokens,
        "silent_ms": statistics.median(times["silent"]),
        "trace_ms": statistics.median(times["trace"]),
        "torch_ms": statistics.median(times["torch"]),
        "trace_to_silent": ratio(times["trace"], times["silent"]),
        "trace_to_torch": ratio(times["trace"], times["torch"]),
        "answer_ms": statistics.median(whole["answer"]),
        "experiment_ms": statistics.median(whole["experiment"]),
        "greedy_ms_per_token": statistics.median(whole["greedy"]) / len(translation.steps),
        **{f"{name}_bytes": size for name, size in sizes.items()},
        "largest_first_picture_bytes": sizes["map"] + max(sizes[name] for name in first),
        **{f"{name}_ms": statistics.median(sent[name]) for name in messages},
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="en-de", help="a checkpoint's name or folder")
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=20, help="tokens on each side, the end token included")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    result = {
        name: round(value, 3)
        for name, value in measure(load(options.model), options.tokens, options.repeats).items()
    }
    for name, value in result.items():
        budget = f"at most {BUDGETS[name]:,}" if name in BUDGETS else ""
        print(f"{MEANING[name]:<64}{value:>12,}   {budget}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
