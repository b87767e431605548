"""A training run: its options, its epochs, its state on disk, and the checkpoint that it ends in.

Muon and AdamW (model.optimizers), label smoothing, length-sorted batches of what model.mixture draws,
early stopping on `val`; what ships is the average of the last epochs. Progress lives in OUT/.train: an
interrupted run loses at most one epoch. Each epoch draws from its own seed: a resumed run goes on as the
uninterrupted one would have.
"""

from __future__ import annotations

import csv
import errno
import math
import pickle
import random
import shutil
import subprocess
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
from model.data import DataError, batches
from model.limits import Limit
from model.loss import perplexity, smoothed_cross_entropy
from model.mixture import Corpora, Ids, encode_pairs, epoch_pairs, languages
from model.optimizers import Optimizers, rate_at, wake
from model.tokenizer import Tokenizer
from model.training_pass import TrainingPass, best_dtype, fits
from model.transformer import Transformer

FREE = ("epochs", "patience", "average", "decay", "dropout", "everyday", "back_translated", "short")
"""What may change when resuming; the card's history tells what did."""
RANGES = tuple(
    Limit(f"options: {name}", least, most, whole)
    for name, least, most, whole in (
        ("epochs", 1, 1_000_000, True),
        ("patience", 1, 1_000_000, True),
        ("average", 1, 100, True),
        ("max_tokens", 1, 1_000_000, True),
        ("seed", 0, 2**40, True),
        ("rate", 1e-9, 10, False),
        ("warmup", 0, 10**9, True),
        ("decay", 0, 1, False),
        ("weight_decay", 0, 1, False),
        ("smoothing", 0, 0.99, False),
        ("joined", 0, 1, False),
        ("everyday", 0, 10**9, True),
        ("back_translated", 0, 10**9, True),
        ("short", 0, 10**9, True),
    )
)
COLUMNS = ("epoch", "step", "rate", "train_loss", "val_loss", "everyday_loss", "seconds")


@dataclass(frozen=True)
class Options:
    """How to train; on resuming, only what FREE names may change."""

    epochs: int = 40
    patience: int = 8
    seed: int = 1
    max_tokens: int = 2000
    optimizer: str = "muon"
    rate: float = 4e-3
    warmup: int = 500
    decay: float = 0.4
    weight_decay: float = 0.05
    smoothing: float = 0.1
    joined: float = 0.06
    everyday: int = 60_000
    back_translated: int = 30_000
    short: int = 20_000
    average: int = 8
    snapshots: tuple[int, ...] = (0, 100, 300, 1000, 3000)

    def __post_init__(self) -> None:
        for limit in RANGES:
            limit.check(getattr(self, limit.name.removeprefix("options: ")))
        if bad := [step for step in self.snapshots if step < 0]:
            raise ValueError(f"options: a snapshot's step must be at least 0, not {bad[0]}.")


def mean_loss(model: Transformer, pairs: list[Ids], tokenizer: Tokenizer, smoothing: float = 0.0) -> float:
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


def thirds(epochs: int) -> tuple[int, int]:
    """After how many epochs a snapshot is kept besides the chosen early steps and the final model."""
    return epochs // 3, 2 * epochs // 3


class Run:
    """One training run and its folder OUT/.train: state.pt, the last epochs' weights, log.csv."""

    def __init__(
        self, name: str, config: Config, tokenizer: Tokenizer, corpora: Corpora, options: Options, out: Path
    ) -> None:
        self.name, self.config, self.tokenizer = name, config, tokenizer
        self.corpora, self.options = corpora, options
        self.out, self.work = out, out / ".train"
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(options.seed)
        self.model = Transformer(config).to(self.device).train()
        self.dtype = best_dtype(self.device)
        self.optimizers = Optimizers(self.model, options.optimizer, options.weight_decay)
        self.epoch, self.step, self.before, self.best, self.best_epoch = 0, 0, 0, math.inf, 0
        self.history: list[dict[str, Any]] = []
        self.steps_an_epoch = len(self.epoch_batches(0))

    def epoch_batches(self, epoch: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        """This epoch's batches: as people type, some pairs joined, drawn from (seed, epoch)."""
        options = self.options
        counts = options.everyday, options.back_translated, options.short
        _, tgt_language = languages(self.name)
        pairs = epoch_pairs(self.corpora, counts, options.joined, tgt_language, options.seed, epoch)
        ids = encode_pairs(pairs, self.tokenizer, self.config)
        rng = random.Random(f"{options.seed}/{epoch}/batches")
        return list(batches(ids, self.tokenizer, options.max_tokens, rng))

    def loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, int]:
        """Mean loss over the real target tokens, and how many there are, by the training pass."""
        if not fits(self.model):
            return batch_loss(self.model, batch, self.tokenizer.pad_id, self.options.smoothing)
        src, tgt_in, tgt_out = batch
        real = tgt_out != self.tokenizer.pad_id
        states = TrainingPass(self.model, self.dtype).states(src, tgt_in)[real].to(self.dtype)
        weight, targets = self.model.embedding.weight, tgt_out[real]
        return smoothed_cross_entropy(states, weight, targets, self.options.smoothing), len(targets)

    @property
    def n_steps(self) -> int:
        """Steps of the whole run: those before this epoch, and as many an epoch as the first one has."""
        return self.before + (self.options.epochs - self.epoch) * self.steps_an_epoch

    def train_step(self, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[float, int]:
        """Move the weights by one batch; its mean loss, and how many target tokens it has."""
        loss, n = self.loss(tuple(ids.to(self.device) for ids in batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        wake(self.model, self.rate())
        self.optimizers.step(self.rate())
        self.step += 1
        return loss.item(), n

    def train_epoch(self) -> float:
        """One walk over the corpora; returns the mean training loss."""
        torch.manual_seed(self.options.seed * 1_000_003 + self.epoch)
        total, count, self.before = 0.0, 0, self.step
        bar = tqdm(
            self.epoch_batches(self.epoch),
            desc=f"epoch {self.epoch + 1}/{self.options.epochs}",
            mininterval=2,
        )
        for batch in bar:
            if self.step in self.options.snapshots:
                self.save_snapshot()
            loss, n = self.train_step(batch)
            total, count = total + loss * n, count + n
            bar.set_postfix(loss=f"{total / count:.3f}", refresh=False)
        return total / count

    def rate(self) -> float:
        """The learning rate of the step that is due."""
        options = self.options
        return rate_at(self.step, self.n_steps, options.rate, options.warmup, options.decay)

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
        known = self.known_snapshots(index)
        row = {
            "file": name,
            "step": self.step,
            "epoch": round(self.epoch + (self.step - self.before) / self.steps_an_epoch, 3),
            "val_loss": round(val_loss, 4),
        }
        checkpoint.write_json(index, {"snapshots": [*known, row]})

    def known_snapshots(self, index: Path) -> list[dict[str, Any]]:
        """Rows of the snapshots so far; none where the index does not read or none of its files is there."""
        try:
            rows = checkpoint.read_json(index)["snapshots"]
            return [row for row in rows if row["step"] < self.step and (index.parent / row["file"]).is_file()]
        except (checkpoint.CheckpointError, KeyError, TypeError):
            return []

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
            "optimizers": self.optimizers.state_dict(),
            "progress": progress,
        }
        state["options"], state["config"] = asdict(self.options), self.config.to_dict()
        try:
            torch.save(state, self.work / "state.tmp")
        except RuntimeError as error:  # what torch says of a full disk
            raise OSError(errno.EIO, first_line(error), str(self.work / "state.tmp")) from None
        (self.work / "state.tmp").replace(self.work / "state.pt")

    def read_state(self) -> dict[str, Any]:
        """What save_state wrote; a file that is cut short or none of ours raises DataError."""
        path = self.work / "state.pt"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if not {"model", "optimizers", "progress", "options", "config"} <= set(state):
                raise ValueError("parts are missing")
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError, TypeError) as error:
            raise DataError(f"{path} does not read as a run's state ({first_line(error)}).") from None
        return state

    def resume(self) -> None:
        """Go on from OUT/.train/state.pt; only what FREE names may have changed."""
        state = self.read_state()
        before = state["options"] | state["config"]
        now = (
            asdict(self.options) | self.config.to_dict() | {key: before[key] for key in FREE if key in before}
        )
        if changed := ", ".join(key for key in before if before[key] != now.get(key)):
            raise DataError(f"The run in {self.work} was started with other options ({changed}).")
        self.model.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        for key, value in state["progress"].items():
            setattr(self, key, value)
        self.before = self.step

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
            self.epoch, self.before = self.epoch + 1, self.step
            val_loss = mean_loss(self.model, self.corpora.val, self.tokenizer)
            everyday_loss = mean_loss(self.model, self.corpora.held_out, self.tokenizer)
            if val_loss < self.best:
                self.best, self.best_epoch = val_loss, self.epoch
            if self.options.snapshots and self.epoch in thirds(self.options.epochs):
                self.save_snapshot(val_loss=val_loss)
            self.save_state()
            values = (
                self.epoch,
                self.step,
                f"{self.rate():.2e}",
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

    def finish(self, command: str, data: dict[str, Any]) -> dict[str, float]:
        """Write the checkpoint: the average of the last epochs, its card, the last snapshot; its losses."""
        weights, n_averaged = self.averaged()
        self.model.load_state_dict(weights)
        losses = {
            "val_loss": round(mean_loss(self.model, self.corpora.val, self.tokenizer), 4),
            "everyday_loss": round(mean_loss(self.model, self.corpora.held_out, self.tokenizer), 4),
        }
        self.save_snapshot(weights, losses["val_loss"])
        card = {
            "name": self.name,
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
        return losses


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def current_commit() -> str:
    """The commit that trains, or "unknown" outside a checkout."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = Path(__file__).resolve().parent
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
