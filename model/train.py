"""Train a translation model: python -m model.train en-de --data DIR --out DIR [--resume]

Adam with linear warm-up and cosine decay, label smoothing, length-sorted batches, early stopping on `val`;
what ships is the average of the last epochs. Progress lives in OUT/.train: an interrupted run loses at most
one epoch. Each epoch draws from its own seed: a resumed run continues as the uninterrupted one would have.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from model import checkpoint
from model.config import Config
from model.data import (
    DataError,
    Pair,
    batches,
    casual,
    join_some,
    read_multi30k,
    read_tatoeba,
)
from model.loss import perplexity, smoothed_cross_entropy
from model.tokenizer import Tokenizer
from model.transformer import Transformer

FREE = ("epochs", "patience", "average", "dropout")
"""What may change when resuming; the card's history tells what did."""
COLUMNS = ("epoch", "step", "rate", "train_loss", "val_loss", "everyday_loss", "seconds")


@dataclass(frozen=True)
class Options:
    """How to train; on resuming, only what FREE names may change."""

    epochs: int = 40
    patience: int = 8
    seed: int = 1
    max_tokens: int = 2500
    rate: float = 2e-3
    warmup: int = 2000
    smoothing: float = 0.1
    joined: float = 0.06
    average: int = 8
    snapshots: tuple[int, ...] = (0, 100, 300, 1000, 3000)

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "max_tokens", "average"):
            if getattr(self, name) < 1:
                raise ValueError(f"options: {name} must be at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True)
class Corpora:
    """Training pairs as text; validation pairs as ids: captions (`val`) and held-out everyday sentences."""

    train: list[Pair]
    val: list[tuple[list[int], list[int]]]
    everyday: list[tuple[list[int], list[int]]]


def rate_at(step: int, n_steps: int, options: Options) -> float:
    """Learning rate: linear warm-up, then a cosine down to a twentieth of the peak."""
    if step < options.warmup:
        return options.rate * (step + 1) / options.warmup
    done = min(1.0, (step - options.warmup) / max(1, n_steps - options.warmup))
    return options.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


def encode_pairs(
    pairs: list[Pair], tokenizer: Tokenizer, config: Config
) -> list[tuple[list[int], list[int]]]:
    """Ids of each pair that fits the config's limits."""
    src, tgt = (tokenizer.encode_batch([pair[side] for pair in pairs]) for side in (0, 1))
    return [
        (s, t)
        for s, t in zip(src, tgt, strict=True)
        if s and t and len(s) < config.max_src_len and len(t) < config.max_tgt_len
    ]


def tokenizer_texts(pairs: list[Pair]) -> list[str]:
    """Both sides, and each first word in lower case: people do not always type capitals."""
    return [text for src, tgt in pairs for text in (src, tgt, src.split(" ")[0].lower())]


def mean_loss(
    model: Transformer, pairs: list[tuple[list[int], list[int]]], tokenizer: Tokenizer, smoothing: float = 0.0
) -> float:
    """Nats per target token, in eval mode."""
    training = model.training
    model.eval()
    total, count = 0.0, 0
    device = model.embedding.weight.device
    with torch.inference_mode():
        for batch in batches(pairs, tokenizer, 4000):
            loss, n = batch_loss(model, tuple(ids.to(device) for ids in batch), tokenizer.pad_id, smoothing)
            total, count = total + loss.item() * n, count + n
    model.train(training)
    return total / max(1, count)


def batch_loss(
    model: Transformer, batch: tuple[Tensor, Tensor, Tensor], pad_id: int, smoothing: float
) -> tuple[Tensor, int]:
    """Mean loss over the real target tokens, and how many there are."""
    src, tgt_in, tgt_out = batch
    src_keep, real = src != pad_id, tgt_out != pad_id
    states = model.decode(tgt_in, model.encode(src, src_keep), src_keep)
    return smoothed_cross_entropy(states[real], model.embedding.weight, tgt_out[real], smoothing), int(
        real.sum()
    )


class Run:
    """One training run and its folder OUT/.train: state.pt, the last epochs' weights, log.csv."""

    def __init__(
        self, config: Config, tokenizer: Tokenizer, corpora: Corpora, options: Options, out: Path
    ) -> None:
        self.config, self.tokenizer, self.corpora, self.options = config, tokenizer, corpora, options
        self.out, self.work = out, out / ".train"
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(options.seed)
        self.model = Transformer(config).to(self.device).train()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0, fused=True
        )
        self.epoch, self.step, self.best, self.best_epoch = 0, 0, math.inf, 0
        self.history: list[dict[str, Any]] = []
        self.steps_an_epoch = len(self.epoch_batches(0))

    def epoch_batches(self, epoch: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """This epoch's batches: sources as people type them, some pairs joined, drawn from (seed, epoch)."""
        rng = random.Random(f"{self.options.seed}/{epoch}")
        pairs = [
            (casual(src, rng), tgt) for src, tgt in join_some(self.corpora.train, self.options.joined, rng)
        ]
        ids = encode_pairs(pairs, self.tokenizer, self.config)
        return list(batches(ids, self.tokenizer, self.options.max_tokens, rng))

    @property
    def n_steps(self) -> int:
        return self.options.epochs * self.steps_an_epoch

    def train_epoch(self) -> float:
        """One walk over the corpora; returns the mean training loss."""
        torch.manual_seed(self.options.seed * 1_000_003 + self.epoch)
        total, count = 0.0, 0
        bar = tqdm(
            self.epoch_batches(self.epoch),
            desc=f"epoch {self.epoch + 1}/{self.options.epochs}",
            mininterval=2,
        )
        for batch in bar:
            if self.step in self.snapshot_steps():
                self.save_snapshot()
            for group in self.optimizer.param_groups:
                group["lr"] = rate_at(self.step, self.n_steps, self.options)
            on_device = tuple(ids.to(self.device) for ids in batch)
            loss, n = batch_loss(self.model, on_device, self.tokenizer.pad_id, self.options.smoothing)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            total, count = total + loss.item() * n, count + n
            bar.set_postfix(loss=f"{total / count:.3f}", refresh=False)
        return total / count

    def snapshot_steps(self) -> set[int]:
        """Early steps by count, two later ones by share of the run; the final model is the last snapshot."""
        return {*self.options.snapshots, self.n_steps // 3, 2 * self.n_steps // 3}

    def save_snapshot(
        self, weights: Mapping[str, Tensor] | None = None, val_loss: float | None = None
    ) -> None:
        """Write a float16 copy of the model as it is now, with its validation loss."""
        folder = self.out / "snapshots"
        folder.mkdir(parents=True, exist_ok=True)
        val_loss = mean_loss(self.model, self.corpora.val, self.tokenizer) if val_loss is None else val_loss
        name = f"step-{self.step:06d}.safetensors"
        checkpoint.save_weights(folder / name, weights or self.model.state_dict(), torch.float16)
        index = folder / "index.json"
        known = checkpoint.read_json(index)["snapshots"] if index.exists() else []
        row = {
            "file": name,
            "step": self.step,
            "epoch": round(self.step / self.steps_an_epoch, 3),
            "val_loss": round(val_loss, 4),
        }
        rows = sorted([r for r in known if r["file"] != name] + [row], key=lambda r: r["step"])
        checkpoint.write_json(index, {"snapshots": rows})

    def save_state(self) -> None:
        """Everything that resuming needs, written whole or not at all."""
        checkpoint.save_weights(
            self.work / f"epoch-{self.epoch:03d}.safetensors", self.model.state_dict(), torch.float32
        )
        for old in sorted(self.work.glob("epoch-*.safetensors"))[: -self.options.average]:
            old.unlink()
        progress = {key: getattr(self, key) for key in ("epoch", "step", "best", "best_epoch", "history")}
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": progress,
        }
        state["options"], state["config"] = asdict(self.options), self.config.to_dict()
        torch.save(state, self.work / "state.tmp")
        (self.work / "state.tmp").replace(self.work / "state.pt")

    def resume(self) -> None:
        """Go on from OUT/.train/state.pt; only what FREE names may have changed."""
        state = torch.load(self.work / "state.pt", weights_only=True)
        before = state["options"] | state.get("config", {})
        now = (
            asdict(self.options) | self.config.to_dict() | {key: before[key] for key in FREE if key in before}
        )
        if changed := ", ".join(key for key in before if before[key] != now.get(key)):
            raise DataError(f"The run in {self.work} was started with other options ({changed}).")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for key, value in state["progress"].items():
            setattr(self, key, value)

    def log(self, row: dict[str, float]) -> None:
        """Append a row to log.csv."""
        path = self.out / "log.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)
        tqdm.write("  ".join(f"{key} {value}" for key, value in row.items()))

    def train(self) -> None:
        """Epochs until there are enough, or `val` has not improved for `patience` of them."""
        self.work.mkdir(parents=True, exist_ok=True)
        while self.epoch < self.options.epochs and self.epoch - self.best_epoch < self.options.patience:
            start = time.perf_counter()
            train_loss = self.train_epoch()
            self.epoch += 1
            val_loss = mean_loss(self.model, self.corpora.val, self.tokenizer)
            everyday_loss = mean_loss(self.model, self.corpora.everyday, self.tokenizer)
            if val_loss < self.best:
                self.best, self.best_epoch = val_loss, self.epoch
            self.save_state()
            rate = rate_at(self.step - 1, self.n_steps, self.options)
            values = (
                self.epoch,
                self.step,
                f"{rate:.2e}",
                *(f"{x:.4f}" for x in (train_loss, val_loss, everyday_loss)),
            )
            self.log(dict(zip(COLUMNS, (*values, round(time.perf_counter() - start, 1)), strict=True)))

    def averaged(self) -> tuple[dict[str, Tensor], int]:
        """Mean of the last epochs' weights, and of how many: as many, up to `average`, as suit `val` best."""
        files = sorted(self.work.glob("epoch-*.safetensors"))[-self.options.average :]
        models = []
        for file in files:
            model = Transformer(self.config)
            checkpoint.read_weights(file, model)
            models.append(model.state_dict())

        def mean_of_last(n: int) -> dict[str, Tensor]:
            return {
                name: torch.stack([weights[name] for weights in models[-n:]]).mean(0) for name in models[0]
            }

        def val_loss(n: int) -> float:
            self.model.load_state_dict(mean_of_last(n))
            return mean_loss(self.model, self.corpora.val, self.tokenizer)

        best = min(range(1, len(models) + 1), key=val_loss)
        return mean_of_last(best), best

    def finish(self, name: str, command: str, data: dict[str, Any]) -> None:
        """Write the checkpoint: the average of the last epochs, its card, and the last snapshot."""
        weights, n_averaged = self.averaged()
        self.model.load_state_dict(weights)
        losses = {
            "val_loss": round(mean_loss(self.model, self.corpora.val, self.tokenizer), 4),
            "everyday_loss": round(mean_loss(self.model, self.corpora.everyday, self.tokenizer), 4),
        }
        self.save_snapshot(weights, losses["val_loss"])
        card = {
            "name": name,
            "command": command,
            "history": self.history,
            "seed": self.options.seed,
            "commit": current_commit(),
            "options": asdict(self.options),
            "data": data,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "epochs": self.epoch,
            "steps": self.step,
            "averaged": n_averaged,
            "device": self.device,
            "torch": torch.__version__,
            "losses": losses | {"val_perplexity": round(perplexity(losses["val_loss"]), 3)},
            "scores": {},
        }
        checkpoint.save(self.out, self.config, self.tokenizer, weights, card)
        nats = f"{losses['val_loss']} nats, {losses['everyday_loss']} on everyday sentences"
        print(f"Wrote {self.out}: validation loss {nats}.")


def current_commit() -> str:
    """The commit that trains, or "unknown" outside a checkout."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = Path(__file__).resolve().parent
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def prepare(
    name: str, data: Path, vocab_size: int, limits: tuple[int, int], tokenizer: Tokenizer | None
) -> tuple[Tokenizer, Corpora, dict]:
    """Tokenizer (trained here unless given), corpora, and what the card says of them."""
    src, _, tgt = name.partition("-")
    if not src or not tgt:
        raise DataError(f"A model's name is its language pair, like en-de, not {name!r}.")
    captions = read_multi30k(data, "train", src, tgt)
    everyday, held_out = read_tatoeba(data, src, tgt)
    train = captions + everyday
    tokenizer = tokenizer or Tokenizer.train(tokenizer_texts(train), vocab_size)
    config = Config(vocab_size=tokenizer.vocab_size, max_src_len=limits[0], max_tgt_len=limits[1])
    val = encode_pairs(read_multi30k(data, "val", src, tgt), tokenizer, config)
    corpora = Corpora(train, val, encode_pairs(held_out, tokenizer, config))
    described = {
        "multi30k": {
            "pairs": len(captions),
            "source": "Multi30k task 1 (Elliott et al. 2016, 2017): captions, research and educational use",
        },
        "tatoeba": {
            "pairs": len(everyday),
            "held_out": len(held_out),
            "source": "Tatoeba (CC BY 2.0 FR), as published by manythings.org/anki",
        },
    }
    return tokenizer, corpora, described


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m model.train", description="Train a translation model.")
    parser.add_argument("name", help="language pair, such as en-de")
    parser.add_argument("--data", type=Path, required=True, help="folder with multi30k/ and tatoeba/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: torch's choice)")
    for key, default in asdict(Options()).items():
        if key != "snapshots":
            parser.add_argument(f"--{key.replace('_', '-')}", type=type(default), default=default)
    parser.add_argument(
        "--snapshots", type=int, nargs="*", default=Options.snapshots, help="steps to keep a copy of"
    )
    for key, default in Config(dropout=0.2).to_dict().items():
        if not key.endswith("_id"):
            parser.add_argument(f"--{key.replace('_', '-')}", type=type(default), default=default)
    return parser.parse_args(arguments)


def command_line(arguments: list[str]) -> str:
    """The command as anyone can repeat it: folders by their role, not by this machine's paths."""
    folders = {"--data": "DATA", "--out": "OUT"}
    words, before = ["python -m model.train"], ""
    for word in arguments:
        option, equals, _ = word.partition("=")
        joined = equals and option in folders
        words.append(f"{option}={folders[option]}" if joined else folders.get(before, word))
        before = word
    return " ".join(words)


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    state = args.out / ".train" / "state.pt"
    try:
        options = Options(
            **{key: getattr(args, key) for key in asdict(Options())} | {"snapshots": tuple(args.snapshots)}
        )
        if args.resume and not state.exists():
            raise DataError(f"There is no run to resume in {args.out}.")
        if not args.resume and state.exists():
            raise DataError(f"{args.out} holds a run already: go on with --resume, or choose another folder.")
        kept = args.out / ".train" / "tokenizer.json"
        known = Tokenizer.load(kept) if args.resume else None
        limits = args.max_src_len, args.max_tgt_len
        tokenizer, corpora, data = prepare(args.name, args.data, args.vocab_size, limits, known)
        kept.parent.mkdir(parents=True, exist_ok=True)
        tokenizer.save(kept)
        sizes = {key: getattr(args, key) for key in Config().to_dict() if not key.endswith("_id")}
        config = Config(**sizes | {"vocab_size": tokenizer.vocab_size})
        run = Run(config, tokenizer, corpora, options, args.out)
        if args.resume:
            run.resume()
        run.history = [*run.history, {"from_epoch": run.epoch, "command": command_line(arguments)}]
        n_parameters = sum(p.numel() for p in run.model.parameters())
        print(f"{n_parameters:,} parameters, {run.n_steps} steps, on {run.device}")
        run.train()
        run.finish(args.name, command_line(arguments), data)
    except KeyboardInterrupt:
        going_on = "Go on with --resume: only the unfinished epoch is lost."
        lost = "No epoch was finished yet: start again."
        print(f"\nStopped. {going_on if state.exists() else lost}", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
