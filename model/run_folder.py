"""What a training run keeps on disk.

OUT/log.csv                      a row an epoch
OUT/snapshots/step-*             float16 copies along the run; index.json lists them
OUT/.train/epoch-*               the last epochs' weights, for their average
OUT/.train/state.pt              everything that resuming needs
"""

from __future__ import annotations

import csv
import errno
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor
from tqdm import tqdm

from model import checkpoint
from model.data import DataError

COLUMNS = ("epoch", "step", "rate", "train_loss", "val_loss", "everyday_loss", "seconds")


class State(TypedDict):
    """Of a run between two epochs."""

    model: dict[str, Tensor]
    optimizers: list[dict[str, Any]]
    progress: dict[str, Any]
    options: dict[str, Any]
    config: dict[str, Any]


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


class RunFolder:
    """The folder OUT of one run."""

    def __init__(self, out: Path) -> None:
        self.out, self.work, self.snapshots = out, out / ".train", out / "snapshots"

    def log(self, row: Mapping[str, float | str]) -> None:
        """Append a row to log.csv, and show it."""
        path = self.out / "log.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)
        tqdm.write("  ".join(f"{key} {value}" for key, value in row.items()))

    def add_snapshot(self, weights: Mapping[str, Tensor], step: int, epoch: float, val_loss: float) -> None:
        """Write a float16 copy of the weights, with their validation loss."""
        self.snapshots.mkdir(parents=True, exist_ok=True)
        name = f"step-{step:06d}.safetensors"
        checkpoint.save_weights(self.snapshots / name, weights, torch.float16)
        row = {"file": name, "step": step, "epoch": round(epoch, 3), "val_loss": round(val_loss, 4)}
        checkpoint.write_json(
            self.snapshots / "index.json", {"snapshots": [*self.snapshots_before(step), row]}
        )

    def snapshots_before(self, step: int) -> list[dict[str, Any]]:
        """Rows of the snapshots so far; none where the index does not read or none of its files is there."""
        try:
            rows = checkpoint.read_json(self.snapshots / "index.json")["snapshots"]
            return [row for row in rows if row["step"] < step and (self.snapshots / row["file"]).is_file()]
        except (checkpoint.CheckpointError, KeyError, TypeError):
            return []

    def save_epoch(self, epoch: int, weights: Mapping[str, Tensor], kept: int) -> None:
        """Write an epoch's weights; of the earlier ones, only the last `kept` stay."""
        checkpoint.save_weights(self.work / f"epoch-{epoch:03d}.safetensors", weights, torch.float32)
        for old in self.epochs()[:-kept]:
            old.unlink()

    def epochs(self) -> list[Path]:
        """The weights files of the last epochs, in their order."""
        return sorted(self.work.glob("epoch-*.safetensors"))

    def save_state(self, state: State) -> None:
        """Written whole or not at all."""
        beside = self.work / "state.tmp"
        try:
            torch.save(state, beside)
        except RuntimeError as error:  # what torch says of a full disk
            raise OSError(errno.EIO, first_line(error), str(beside)) from None
        beside.replace(self.work / "state.pt")

    def read_state(self) -> State:
        """What save_state wrote; a file that is cut short or none of ours raises DataError."""
        path = self.work / "state.pt"
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
            if not State.__required_keys__ <= set(state):
                raise ValueError("parts are missing")
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError, TypeError) as error:
            raise DataError(f"{path} does not read as a run's state ({first_line(error)}).") from None
        return state
