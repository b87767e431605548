"""Train a translation model: python -m model.train en-de --data DIR --out DIR [--resume]

What a run does: model.training; what it learns from: model.mixture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from model.command import Parser, execute, number, reporting, say, write
from model.config import SIZES, Config
from model.data import DataError
from model.finishing import finish
from model.limits import THREADS, Limit
from model.mixture import SOURCES, read_back_translated, read_corpora
from model.options import RANGES, Options
from model.tokenizer import Tokenizer
from model.training import Run

LEAST_TOKENS, LEAST_VOCABULARY = 2, 259
"""A token and the end; the special tokens and one for each byte."""
LEAST = {"vocab_size": LEAST_VOCABULARY, "max_src_len": LEAST_TOKENS, "max_tgt_len": LEAST_TOKENS}


def readers() -> dict[str, Callable[[str], float]]:
    """How each number on the command line is read: within its limits."""
    limits = {limit.name.removeprefix("options: "): limit for limit in RANGES}
    limits |= {size.name: size.but(least=LEAST.get(size.name, size.least)) for size in SIZES}
    limits["dropout"] = Limit("dropout", 0, 0.99)
    return {name: number(limit.but(name=name.replace("_", "-"))) for name, limit in limits.items()}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m model.train", description="Train a translation model.")
    parser.add_argument("name", help="language pair, such as en-de")
    parser.add_argument("--data", type=Path, required=True, help="folder with multi30k/ and tatoeba/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--back-translation", type=Path, help="gzipped pairs from model.backtranslate")
    parser.add_argument(
        "--threads", type=number(THREADS), default=0, help="CPU threads (default: torch's choice)"
    )
    step = number(Limit("snapshots", 0, 10**9, whole=True))
    parser.add_argument(
        "--snapshots", type=step, nargs="*", default=Options.snapshots, help="steps to keep a copy of"
    )
    known = readers()
    for key, default in (asdict(Options()) | Config(norm="pre", dropout=0.2).to_dict()).items():
        if key != "snapshots" and not key.endswith("_id"):
            parser.add_argument(f"--{key.replace('_', '-')}", type=known.get(key, str), default=default)
    return parser.read(arguments)


def command_line(arguments: list[str]) -> str:
    """The command as anyone can repeat it: folders by their role, not by this machine's paths."""
    folders = {"--data": "DATA", "--out": "OUT", "--back-translation": "BACK_TRANSLATED"}
    words, before = ["python -m model.train"], ""
    for word in arguments:
        option, equals, _ = word.partition("=")
        joined = equals and option in folders
        words.append(f"{option}={folders[option]}" if joined else folders.get(before, word))
        before = word
    return " ".join(words)


def begin(args: argparse.Namespace, arguments: list[str]) -> tuple[Run, dict[str, object]]:
    """The run that the arguments ask for, new or resumed, and what its card says of the data."""
    state, kept = args.out / ".train" / "state.pt", args.out / ".train" / "tokenizer.json"
    if args.resume and not state.exists():
        raise DataError(f"There is no run to resume in {args.out}.")
    if not args.resume and state.exists():
        raise DataError(f"{args.out} holds a run already: go on with --resume, or choose another folder.")
    values = {field.name: getattr(args, field.name) for field in fields(Options)}
    options = Options(**values | {"snapshots": tuple(args.snapshots)})
    known = Tokenizer.load(kept) if args.resume else None
    limits = args.max_src_len, args.max_tgt_len
    tokenizer, corpora, data = read_corpora(args.name, args.data, args.vocab_size, limits, known)
    if args.back_translation:
        pairs = read_back_translated(args.back_translation)
        corpora = replace(corpora, back_translated=pairs)
        data |= {"captions": {"pairs": len(pairs), "source": SOURCES["captions"]}}
    kept.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(kept)
    sizes = {key: getattr(args, key) for key in Config().to_dict() if not key.endswith("_id")}
    config = Config(**sizes | {"vocab_size": tokenizer.vocab_size})
    run = Run(args.name, config, tokenizer, corpora, options, args.out)
    if args.resume:
        run.resume()
    run.history = [*run.history, {"from_epoch": run.epoch, "command": command_line(arguments)}]
    return run, data


@reporting
def main(arguments: list[str]) -> int:
    args = parse(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    try:
        run, data = begin(args, arguments)
        n_parameters = sum(p.numel() for p in run.model.parameters())
        write(f"{n_parameters:,} parameters, {run.n_steps} steps, on {run.device}")
        run.train()
        losses = finish(run, command_line(arguments), data)
    except KeyboardInterrupt:
        going_on = "Go on with --resume: only the unfinished epoch is lost."
        lost = "No epoch was finished yet: start again."
        say(f"\nStopped. {going_on if (args.out / '.train' / 'state.pt').exists() else lost}")
        return 130
    except ValueError as error:  # sizes that do not fit together, an unknown optimizer
        say(str(error))
        return 2
    nats = f"{losses['val_loss']} nats, {losses['everyday_loss']} on everyday sentences"
    write(f"Wrote {args.out}: validation loss {nats}.")
    return 0


if __name__ == "__main__":
    execute(main)
