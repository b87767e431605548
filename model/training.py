"""A training run, epoch by epoch.

Muon and AdamW (model.optimizers), label smoothing, length-sorted batches of what model.mixture draws,
early stopping on `val`. Options: model.options; what lives on disk, so that an interrupted run loses at most
one epoch: model.run_folder; the checkpoint at the end: model.finishing. Each epoch draws from its own seed:
a resumed run goes on as the uninterrupted one would have.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from model.config import Config
from model.data import Batch, DataError, batches, on_device
from model.loss import batch_loss, mean_loss, smoothed_cross_entropy
from model.mixture import Corpora, encode_pairs, epoch_pairs, languages
from model.optimizers import Optimizers, rate_at, wake
from model.options import FREE, Options
from model.run_folder import RunFolder
from model.tokenizer import Tokenizer
from model.training_pass import TrainingPass, best_dtype, fits
from model.transformer import Transformer

PROGRESS = ("epoch", "step", "best", "best_epoch", "history")
"""What a resumed run takes over besides weights and optimizers."""


def thirds(epochs: int) -> tuple[int, int]:
    """After how many epochs a snapshot is kept besides the chosen early steps and the final model."""
    return epochs // 3, 2 * epochs // 3


class Run:
    """One training run; `folder` is what it keeps on disk."""

    def __init__(
        self, name: str, config: Config, tokenizer: Tokenizer, corpora: Corpora, options: Options, out: Path
    ) -> None:
        self.name, self.config, self.tokenizer = name, config, tokenizer
        self.corpora, self.options = corpora, options
        self.folder = RunFolder(out)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(options.seed)
        self.model = Transformer(config).to(self.device).train()
        self.dtype = best_dtype(self.device)
        self.optimizers = Optimizers(self.model, options.optimizer, options.weight_decay)
        self.epoch, self.step, self.before, self.best, self.best_epoch = 0, 0, 0, math.inf, 0
        self.history: list[dict[str, object]] = []
        self.steps_an_epoch = len(self.epoch_batches(0))

    def epoch_batches(self, epoch: int) -> list[Batch]:
        """This epoch's batches: as people type, some pairs joined, drawn from (seed, epoch)."""
        options = self.options
        counts = options.everyday, options.back_translated, options.short
        _, tgt_language = languages(self.name)
        pairs = epoch_pairs(self.corpora, counts, options.joined, tgt_language, options.seed, epoch)
        ids = encode_pairs(pairs, self.tokenizer, self.config)
        rng = random.Random(f"{options.seed}/{epoch}/batches")
        return list(batches(ids, self.tokenizer, options.max_tokens, rng))

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
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

    def train_step(self, batch: Batch) -> tuple[float, int]:
        """Move the weights by one batch; its mean loss, and how many target tokens it has."""
        loss, n = self.loss(on_device(batch, self.device))
        torch.autograd.backward(loss)
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

    def save_snapshot(self, val_loss: float | None = None) -> None:
        """Keep a copy of the model as it is now, with its validation loss."""
        val_loss = mean_loss(self.model, self.corpora.val, self.tokenizer) if val_loss is None else val_loss
        epoch = self.epoch + (self.step - self.before) / self.steps_an_epoch
        self.folder.add_snapshot(self.model.state_dict(), self.step, epoch, val_loss)

    def save(self) -> None:
        """Everything that resuming needs, and this epoch's weights."""
        weights = self.model.state_dict()
        self.folder.save_epoch(self.epoch, weights, self.options.average)
        self.folder.save_state(
            {
                "model": weights,
                "optimizers": self.optimizers.state_dict(),
                "progress": {key: getattr(self, key) for key in PROGRESS},
                "options": asdict(self.options),
                "config": self.config.to_dict(),
            }
        )

    def resume(self) -> None:
        """Go on from the folder's state; only what FREE names may have changed."""
        state = self.folder.read_state()
        before = state["options"] | state["config"]
        now = asdict(self.options) | self.config.to_dict()
        now |= {key: before[key] for key in FREE if key in before}
        if changed := ", ".join(key for key in before if before[key] != now.get(key)):
            raise DataError(f"The run in {self.folder.work} was started with other options ({changed}).")
        self.model.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        for key, value in state["progress"].items():
            setattr(self, key, value)
        self.before = self.step

    def train(self) -> None:
        """Epochs until there are enough, or `val` has not improved for `patience` of them."""
        self.folder.work.mkdir(parents=True, exist_ok=True)
        while self.epoch < self.options.epochs and self.epoch - self.best_epoch < self.options.patience:
            start = time.perf_counter()
            train_loss = self.train_epoch()
            self.epoch, self.before = self.epoch + 1, self.step
            val_loss = mean_loss(self.model, self.corpora.val, self.tokenizer)
            everyday_loss = mean_loss(self.model, self.corpora.held_out, self.tokenizer)
            if val_loss < self.best:
                self.best, self.best_epoch = val_loss, self.epoch
            if self.options.snapshots and self.epoch in thirds(self.options.epochs):
                self.save_snapshot(val_loss)
            self.save()
            self.folder.log(
                {
                    "epoch": self.epoch,
                    "step": self.step,
                    "rate": f"{self.rate():.2e}",
                    "train_loss": f"{train_loss:.4f}",
                    "val_loss": f"{val_loss:.4f}",
                    "everyday_loss": f"{everyday_loss:.4f}",
                    "seconds": round(time.perf_counter() - start, 1),
                }
            )
