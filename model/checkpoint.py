"""A checkpoint folder: config.json, tokenizer.json, model.safetensors, card.json. No pickle anywhere.

The weights file remembers the checksum of its tokenizer, so that a foreign one is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from model.config import Config
from model.tokenizer import Tokenizer
from model.transformer import Transformer

ROOT = Path(__file__).resolve().parent.parent / "checkpoints"
FILES = ("config.json", "tokenizer.json", "model.safetensors", "card.json")


class CheckpointError(ValueError):
    """A checkpoint does not load; the message is one sentence that names the file and the cause."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded folder. `card` tells the data, command, seed, commit and scores behind the weights."""

    name: str
    folder: Path
    config: Config
    tokenizer: Tokenizer
    model: Transformer
    card: Mapping[str, Any]


def find(name_or_path: str | Path) -> Path:
    """The folder of a checkpoint: a name below checkpoints/, or a path."""
    for folder in (ROOT / str(name_or_path), Path(name_or_path)):
        if folder.is_dir():
            return folder
    raise CheckpointError(
        f"There is no checkpoint {str(name_or_path)!r}: expected a folder {ROOT.name}/{name_or_path}."
    )


def names() -> list[str]:
    """Names of the folders below checkpoints/, whether they load or not."""
    return sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir()) if ROOT.is_dir() else []


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path.parent.name}/{path.name} does not read as JSON ({error}).") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path.parent.name}/{path.name} must hold a JSON object.")
    return values


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def save_weights(path: Path, weights: Mapping[str, Tensor], dtype: torch.dtype, **metadata: str) -> None:
    """Write `weights` as `dtype`; the metadata are strings kept beside them."""
    save_file(
        {name: value.detach().to("cpu", dtype).contiguous() for name, value in weights.items()},
        path,
        metadata,
    )


def read_weights(path: Path, model: Transformer) -> dict[str, str]:
    """Fill `model` from a weights file and return its metadata; names and shapes must fit exactly."""
    where = f"{path.parent.name}/{path.name}"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{where} does not read as safetensors, perhaps cut short ({error}).") from None
    wanted = model.state_dict()
    if missing := sorted(set(wanted) - set(weights)):
        raise CheckpointError(f"{where} lacks the weights {missing[0]!r}.")
    if foreign := sorted(set(weights) - set(wanted)):
        raise CheckpointError(f"{where} holds {foreign[0]!r}, which this model does not have.")
    for name, value in weights.items():
        if value.shape != wanted[name].shape:
            shapes = f"{tuple(value.shape)}, but the config asks for {tuple(wanted[name].shape)}"
            raise CheckpointError(f"{where}: {name!r} has the shape {shapes}.")
        if not value.isfinite().all():
            raise CheckpointError(f"{where}: {name!r} holds a value that is no finite number.")
    model.load_state_dict(weights)
    return metadata


def save(
    folder: Path, config: Config, tokenizer: Tokenizer, weights: Mapping[str, Tensor], card: Mapping[str, Any]
) -> None:
    """Write a checkpoint folder (float32 weights)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config.to_dict())
    tokenizer.save(folder / "tokenizer.json")
    tokenizer_sha256 = checksum(folder / "tokenizer.json")
    save_weights(folder / "model.safetensors", weights, torch.float32, tokenizer_sha256=tokenizer_sha256)
    write_json(folder / "card.json", card)


def load_checkpoint(name_or_path: str | Path) -> Checkpoint:
    """Load and verify a folder; anything amiss raises CheckpointError. The model is in eval mode."""
    folder = find(name_or_path)
    for file in FILES:
        if not (folder / file).is_file():
            raise CheckpointError(f"The checkpoint {folder.name} lacks the file {file}.")
    try:
        config = Config.from_dict(read_json(folder / "config.json"))
        model = Transformer(config)
    except (ValueError, TypeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{folder.name}/config.json: {error}") from None
    try:
        tokenizer = Tokenizer.load(folder / "tokenizer.json")
    except ValueError as error:
        raise CheckpointError(f"{folder.name}/tokenizer.json: {error}") from None
    if tokenizer.vocab_size != config.vocab_size:
        sizes = f"{tokenizer.vocab_size} tokens, but the config asks for {config.vocab_size}"
        raise CheckpointError(f"{folder.name}/tokenizer.json has {sizes}.")
    special = (config.pad_id, config.bos_id, config.eos_id)
    if special != (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id):
        raise CheckpointError(
            f"{folder.name}/tokenizer.json has other pad, start and end ids than {special}."
        )
    metadata = read_weights(folder / "model.safetensors", model)
    if metadata.get("tokenizer_sha256") != checksum(folder / "tokenizer.json"):
        raise CheckpointError(
            f"{folder.name}/tokenizer.json is not the tokenizer that model.safetensors was trained with."
        )
    card = read_json(folder / "card.json")
    return Checkpoint(folder.name, folder, config, tokenizer, model.eval(), card)
