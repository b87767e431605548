"""Write every number of one trace to a file: python -m model.dump en-de "text" [--target "…"] --out t.npz

Each entry is an array under its name; `__meta__` holds JSON: each side's tokens, ids and what its rows
predict (in `sides`, and as `src_tokens`, `tgt_ids`, `predicts` …); axes, labels and parents of each entry;
the config.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from model.command import Parser, execute, reporting, say, write
from model.files import replacing
from model.glass import load
from model.trace import Trace


def meta(trace: Trace) -> dict[str, object]:
    """What the arrays mean, as plain JSON values."""
    flat = {
        f"{name}_{what}": getattr(rows, what)
        for name, rows in trace.sides.items()
        for what in ("tokens", "ids")
    }
    return {
        **trace.meta,
        **flat,
        "predicts": trace.predicting.predicts,
        "sides": {name: asdict(rows) for name, rows in trace.sides.items()},
        "config": trace.config.to_dict(),
        "entries": {
            name: {"axes": entry.axes, "sides": entry.sides, "labels": entry.labels, "of": entry.of}
            for name, entry in trace.items()
        },
    }


def dump(trace: Trace, path: Path) -> None:
    """Write the trace as a compressed npz file."""
    arrays = {name: entry.value for name, entry in trace.items()}
    with replacing(path) as beside, beside.open("wb") as file:  # given a path, numpy may add a suffix
        said = np.array(json.dumps(meta(trace), ensure_ascii=False))
        np.savez_compressed(file, allow_pickle=False, __meta__=said, **arrays)


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m model.dump", description="Write every number of one trace.")
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("text", help="the source sentence")
    parser.add_argument("--target", help="the translation to force (default: the model's own, greedy)")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    args = parser.read(arguments)
    trace = load(args.name).trace(args.text, args.target)
    try:
        dump(trace, args.out)
    except OSError as error:
        say(f"{args.out} cannot be written: {error.strerror}.")
        return 2
    write(f"Wrote {len(trace)} entries to {args.out}.")
    return 0


if __name__ == "__main__":
    execute(main)
