"""The checkpoint that a training run ends in: the average of its last epochs, its card, its last snapshot."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from model import checkpoint
from model.loss import mean_loss, perplexity
from model.training import Run
from model.transformer import Transformer


def averaged(run: Run) -> tuple[dict[str, Tensor], int]:
    """Mean of the last epochs' weights, and of how many: as many, up to `average`, as suit `val` best."""
    models = []
    for file in run.folder.epochs()[-run.options.average :]:
        model = Transformer(run.config)
        checkpoint.read_weights(file, model)
        models.append(model.state_dict())

    def mean_of_last(n: int) -> dict[str, Tensor]:
        return {name: torch.stack([weights[name] for weights in models[-n:]]).mean(0) for name in models[0]}

    def val_loss(n: int) -> float:
        run.model.load_state_dict(mean_of_last(n))
        return mean_loss(run.model, run.corpora.val, run.tokenizer)

    best = min(range(1, len(models) + 1), key=val_loss)
    return mean_of_last(best), best


def finish(run: Run, command: str, data: Mapping[str, object]) -> dict[str, float]:
    """Write the checkpoint of a run that `command` started on `data`; its losses."""
    weights, n_averaged = averaged(run)
    run.model.load_state_dict(weights)
    losses = {
        "val_loss": round(mean_loss(run.model, run.corpora.val, run.tokenizer), 4),
        "everyday_loss": round(mean_loss(run.model, run.corpora.held_out, run.tokenizer), 4),
    }
    run.save_snapshot(losses["val_loss"])
    card = {
        "name": run.name,
        "command": command,
        "history": run.history,
        "seed": run.options.seed,
        "commit": current_commit(),
        "options": asdict(run.options),
        "data": data,
        "parameters": sum(p.numel() for p in run.model.parameters()),
        "epochs": run.epoch,
        "steps": run.step,
        "averaged": n_averaged,
        "device": run.device,
        "torch": torch.__version__,
        "losses": losses | {"val_perplexity": round(perplexity(losses["val_loss"]), 3)},
        "scores": {},
    }
    checkpoint.save(run.folder.out, run.config, run.tokenizer, weights, card)
    return losses


def current_commit() -> str:
    """The commit that trains, or "unknown" outside a checkout."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    here = Path(__file__).resolve().parent
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
