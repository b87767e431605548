"""A checkpoint folder: config.json, tokenizer.json, model.safetensors, card.json. No pickle anywhere.

The weights file remembers the checksums of its tokenizer and its config, so that foreign ones are noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.config import Config
from model.files import CheckpointError, checksum, content_of, parse_json, read_json, write_json
from model.tokenizer import Tokenizer
from model.transformer import Transformer
from model.weights import Weights, check_fit, open_weights, read_weights, save_weights

__all__ = [
    "FILES", "ROOT", "Checkpoint", "CheckpointError", "find", "load_checkpoint", "names", "read_json",
    "read_weights", "save", "save_weights", "write_json",
]  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent / "checkpoints"
FILES = ("config.json", "tokenizer.json", "model.safetensors", "card.json")
REMEMBERED = {"tokenizer_sha256": ("tokenizer.json", "tokenizer"), "config_sha256": ("config.json", "config")}
"""What the weights file remembers: the checksum of which file, and what that file is."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded folder. `card` tells the data, command, seed, commit and scores behind the weights;
    `weights_sha256` is the checksum of the weights file's bytes as they were loaded.
    """

    name: str
    folder: Path
    config: Config
    tokenizer: Tokenizer
    model: Transformer
    card: Mapping[str, Any]
    weights_sha256: str


def find(name_or_path: str | Path) -> Path:
    """The folder of a checkpoint: a name below checkpoints/, or a path."""
    for folder in (ROOT / str(name_or_path), Path(name_or_path)):
        if folder.is_dir():
            return folder
    raise CheckpointError(
        f"There is no checkpoint {str(name_or_path)!r}: expected a folder {ROOT.name}/{name_or_path}."
    )


def amend_card(name_or_path: str | Path, changes: Mapping[str, object]) -> None:
    """Write these entries into a checkpoint's card.json; all others stay as they are."""
    path = find(name_or_path) / "card.json"
    write_json(path, {**read_json(path), **changes})


def names() -> list[str]:
    """Names of the folders below checkpoints/, whether they load or not."""
    return sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir()) if ROOT.is_dir() else []


def save(
    folder: Path,
    config: Config,
    tokenizer: Tokenizer,
    weights: Mapping[str, Tensor],
    card: Mapping[str, object],
) -> None:
    """Write a checkpoint folder (float32 weights)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config.to_dict())
    tokenizer.save(folder / "tokenizer.json")
    sums = {name: checksum((folder / file).read_bytes()) for name, (file, _) in REMEMBERED.items()}
    save_weights(folder / "model.safetensors", weights, torch.float32, **sums)
    write_json(folder / "card.json", card)


def read_config(content: bytes, where: str) -> Config:
    try:
        return Config.from_dict(parse_json(content, where))
    except CheckpointError:
        raise
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{where}: {error}") from None


def read_tokenizer(content: bytes, where: str, config: Config) -> Tokenizer:
    """The tokenizer, which must have the config's size and special ids."""
    try:
        tokenizer = Tokenizer.from_bytes(content)
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}") from None
    if tokenizer.vocab_size != config.vocab_size:
        sizes = f"{tokenizer.vocab_size} tokens, but the config asks for {config.vocab_size}"
        raise CheckpointError(f"{where} has {sizes}.")
    special = (config.pad_id, config.bos_id, config.eos_id)
    if special != (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id):
        raise CheckpointError(f"{where} has other pad, start and end ids than {special}.")
    return tokenizer


def build(config: Config, weights: Weights, where: str) -> Transformer:
    """The model with these weights, in eval mode. Its sizes are compared before it takes any memory."""
    try:
        with torch.device("meta"):
            check_fit(weights, Transformer(config).state_dict())
        model = Transformer(config)
    except CheckpointError:
        raise
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{where}: {error}") from None
    model.load_state_dict(weights.tensors)
    return model.eval()


@torch.inference_mode()
def check_numbers(model: Transformer, where: str) -> None:
    """Finite weights can still be so large that what they make is not."""
    src, tgt = torch.tensor([[model.config.eos_id]]), torch.tensor([[model.config.bos_id]])
    if not model(src, tgt, torch.ones_like(src, dtype=torch.bool)).isfinite().all():
        raise CheckpointError(f"{where} makes numbers that are not finite.")


def load_checkpoint(name_or_path: str | Path) -> Checkpoint:
    """Load and verify a folder; anything amiss raises CheckpointError. Each file is read once."""
    folder = find(name_or_path)
    for file in FILES:
        if not (folder / file).is_file():
            raise CheckpointError(f"The checkpoint {folder.name} lacks the file {file}.")
    content = {file: content_of(folder / file) for file in FILES if file != "model.safetensors"}
    where = {file: f"{folder.name}/{file}" for file in FILES}
    config = read_config(content["config.json"], where["config.json"])
    tokenizer = read_tokenizer(content["tokenizer.json"], where["tokenizer.json"], config)
    weights = open_weights(folder / "model.safetensors")
    model = build(config, weights, where["config.json"])
    for name, (file, what) in REMEMBERED.items():
        if weights.metadata.get(name) != checksum(content[file]):
            raise CheckpointError(f"{where[file]} is not the {what} that model.safetensors was trained with.")
    check_numbers(model, weights.where)
    card = parse_json(content["card.json"], where["card.json"])
    return Checkpoint(folder.name, folder, config, tokenizer, model, card, weights.sha256)
