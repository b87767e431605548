"""The benchmark table of the server side, and as last line the same numbers as one JSON object.

    python -m tests.bench [--model en-de] [--repeats 50] [--tokens 20] [--peers]

Things that are compared take turns within one run; every number is a median, and every ratio the median of
the ratios of neighbours. One thread, as in the app, and its processor time: on an idle machine the same as
the clock's, on a busy one without the waiting. `--peers` adds MarianMT, which needs the package transformers.
"""

from __future__ import annotations

import json
import statistics

import torch

from model import Glass, Trace, load
from model.command import Parser, execute, number, reporting, write
from model.experiments import Experiment
from model.influence import mask_one_out
from model.limits import COUNT, Limit
from tests.bench.clock import interleaved, medians, ratio
from tests.bench.decoding import measure_decoding
from tests.bench.peers import Marian, Torch
from tests.helpers.checkpoints import text_of
from viz.instruments import ffn, positions
from viz.instruments.attention import exact, projections
from viz.instruments.base import Answer, Asked, instruments

TOKENS = Limit("tokens", 2, 4_096, whole=True)
BUDGETS = {
    "trace_to_silent": 1.8,
    "trace_to_torch": 3.0,
    "mask_one_out_to_forced": 4.0,
    "greedy_to_loop_20": 1.0,
    "greedy_to_loop_60": 0.714,
    "samples_to_greedy": 3.0,
    "greedy_to_marian_20": 0.333,
    "greedy_to_marian_60": 0.333,
    "beam_to_marian": 0.5,
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
    "mask_one_out_ms": "log P of the last token with each source token masked out, ms",
    "mask_one_out_to_forced": "masking one out / forced pass, silent",
    "greedy_20_ms": "greedy, 20 steps with all candidates, ms",
    "loop_20_ms": "nn.Transformer, greedy loop without a cache, 20 steps, ms",
    "greedy_to_loop_20": "greedy / nn.Transformer's loop, 20 steps",
    "greedy_60_ms": "greedy, 60 steps with all candidates, ms",
    "loop_60_ms": "nn.Transformer, greedy loop without a cache, 60 steps, ms",
    "greedy_to_loop_60": "greedy / nn.Transformer's loop, 60 steps",
    "beam_ms": "beam 4 with its whole tree, 20 steps, ms",
    "samples_ms": "20 samples, 20 steps, ms",
    "samples_to_greedy": "20 samples / greedy, 20 steps",
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
    "decoding_bytes": "first picture of the decoding, all steps, bytes",
    "decoding_ms": "first picture of the decoding, all steps, ms",
    "largest_first_picture_bytes": "map and the largest first picture, bytes",
    "ffn_exact_bytes": "exact numbers of one feed-forward with its norm, bytes",
    "ffn_exact_ms": "exact numbers of one feed-forward with its norm, ms",
    "exact_bytes": "exact numbers of one layer (cross-attention), bytes",
    "exact_ms": "exact numbers of one layer (cross-attention), ms",
    "projections_bytes": "weight matrices of one layer, bytes",
    "projections_ms": "weight matrices of one layer, ms",
}
PEER_MEANING = {
    "marian_ms": "MarianMT of the same size, forward with attentions, ms",
    "trace_to_marian": "trace / MarianMT's forward",
    "marian_20_ms": "MarianMT, greedy with its cache, 20 steps, ms",
    "greedy_to_marian_20": "greedy / MarianMT's, 20 steps",
    "marian_60_ms": "MarianMT, greedy with its cache, 60 steps, ms",
    "greedy_to_marian_60": "greedy / MarianMT's, 60 steps",
    "marian_beam_ms": "MarianMT, beam 4, 20 steps, ms",
    "beam_to_marian": "beam / MarianMT's, 20 steps",
}
"""What `--peers` adds."""
PLACE = "decoder.cross_attn"


def measure(glass: Glass, n_tokens: int, repeats: int, peers: bool = False) -> dict[str, float]:
    """All medians and ratios for a sentence of `n_tokens` source tokens and as many rows of target."""
    torch_peer, marian = Torch(glass.config), Marian(glass.config) if peers else None
    text = text_of(glass, n_tokens)
    src_ids, ids = glass.source_ids(text), glass.target_ids(text)[: n_tokens - 1]
    src, tgt = torch.tensor([src_ids]), torch.tensor([glass.rows(ids)[0]])
    keep = torch.ones_like(src, dtype=torch.bool)
    passes = {
        "silent": lambda: glass.model.probabilities(glass.model(src, tgt, keep)),
        "trace": lambda: glass.trace(text, ids),
        "torch": lambda: torch_peer(src, tgt),
        "mask_one_out": lambda: mask_one_out(glass.model, src_ids, ids, len(ids) - 1),
    }
    if marian is not None:
        passes["marian"] = lambda: marian.forward(src, tgt)

    translation = glass.translate(text)
    trace, own = glass.trace(text, ids), glass.trace(text, translation)
    request = {"model": glass.name, "text": text, "beam": 1, "pad": 0, "version": ""}

    def picture(name: str, found: Trace) -> bytes:
        asked = Asked(glass, "decoder.ffn", Answer(translation, found), request, typed=text)
        return instruments()[name].first(asked)

    first = {
        "overview": lambda: picture("attention", trace),
        "tokens": lambda: picture("tokens", trace),
        "positions": lambda: picture("positions", trace),
        "ffn": lambda: picture("ffn", trace),
        "output": lambda: picture("output", own),
        "decoding": lambda: picture("decoding", own),
    }
    messages = first | {
        "map": lambda: picture("map", trace),
        "ffn_exact": lambda: ffn.exact(glass, trace, "decoder.ffn", 0),
        "exact": lambda: exact(trace, PLACE, 0),
        "projections": lambda: projections(glass, PLACE, 0),
    }

    def answer() -> tuple[bytes, bytes]:
        found = glass.trace(text, glass.translate(text))
        return picture("attention", found), picture("map", found)

    def experiment() -> bytes:
        return positions.experiment(glass, translation, Experiment(positions="off"), request)

    with torch.inference_mode():
        times = interleaved(passes, repeats)
    whole = interleaved(
        {"answer": answer, "greedy": lambda: glass.translate(text), "experiment": experiment},
        max(1, repeats // 5),
    )
    sent = interleaved(messages, max(1, repeats // 5))
    sizes = {name: len(message()) for name, message in messages.items()}
    found = {
        "tokens": n_tokens,
        **medians(times),
        "trace_to_silent": ratio(times, "trace", "silent"),
        "trace_to_torch": ratio(times, "trace", "torch"),
        "mask_one_out_to_forced": ratio(times, "mask_one_out", "silent"),
        **measure_decoding(glass, src_ids, torch_peer, marian, max(1, repeats // 3)),
        "answer_ms": statistics.median(whole["answer"]),
        "experiment_ms": statistics.median(whole["experiment"]),
        "greedy_ms_per_token": statistics.median(whole["greedy"]) / len(translation.steps),
        **{f"{name}_bytes": size for name, size in sizes.items()},
        "largest_first_picture_bytes": sizes["map"] + max(sizes[name] for name in first),
        **medians(sent),
    }
    return found if marian is None else found | {"trace_to_marian": ratio(times, "trace", "marian")}


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="en-de", help="a checkpoint's name or folder")
    parser.add_argument("--repeats", type=number(COUNT.but(name="repeats")), default=50)
    parser.add_argument(
        "--tokens", type=number(TOKENS), default=20, help="on each side, the end token included"
    )
    parser.add_argument("--peers", action="store_true", help="measure MarianMT beside ours")
    options = parser.read(arguments)
    torch.set_num_threads(1)
    glass = load(options.model)
    TOKENS.but(most=min(glass.config.max_src_len, glass.config.max_tgt_len)).check(options.tokens)
    found = measure(glass, options.tokens, options.repeats, options.peers)
    meaning = MEANING | PEER_MEANING if options.peers else MEANING
    result = {name: round(found[name], 3) for name in meaning}
    for name, value in result.items():
        budget = f"at most {BUDGETS[name]:,}" if name in BUDGETS else ""
        write(f"{meaning[name]:<64}{value:>12,}   {budget}")
    write(json.dumps(result))
    return 0


if __name__ == "__main__":
    execute(main)
