"""A weights file: safetensors, with strings beside the tensors. No pickle anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import Tensor

from model.files import CheckpointError, checksum, content_of, replacing
from model.transformer import Transformer


@dataclass(frozen=True)
class Weights:
    """What one reading of a file held: tensors, strings, and the checksum of exactly these bytes."""

    where: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    sha256: str


def save_weights(path: Path, weights: Mapping[str, Tensor], dtype: torch.dtype, **metadata: str) -> None:
    """Write `weights` as `dtype`; the metadata are strings kept beside them."""
    values = {name: value.detach().to("cpu", dtype).contiguous() for name, value in weights.items()}
    with replacing(path) as beside:
        save_file(values, beside, metadata)


def open_weights(path: Path) -> Weights:
    """Read a weights file, once; the tensors must be floating-point and finite."""
    content, where = content_of(path), f"{path.parent.name}/{path.name}"
    try:
        tensors = load_tensors(content)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{where} does not read as safetensors, perhaps cut short ({error}).") from None
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    for name, value in tensors.items():
        if value.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            raise CheckpointError(f"{where}: {name!r} holds {value.dtype}, no floating-point numbers.")
        if not value.isfinite().all():
            raise CheckpointError(f"{where}: {name!r} holds a value that is no finite number.")
    return Weights(where, tensors, header.get("__metadata__", {}), checksum(content))


def check_fit(weights: Weights, wanted: Mapping[str, Tensor]) -> None:
    """Names and shapes must be those of `wanted`, a model's state (which may be without memory)."""
    where, found = weights.where, weights.tensors
    if missing := sorted(set(wanted) - set(found)):
        raise CheckpointError(f"{where} lacks the weights {missing[0]!r}.")
    if foreign := sorted(set(found) - set(wanted)):
        raise CheckpointError(f"{where} holds {foreign[0]!r}, which this model does not have.")
    for name, value in found.items():
        if value.shape != wanted[name].shape:
            shapes = f"{tuple(value.shape)}, but the config asks for {tuple(wanted[name].shape)}"
            raise CheckpointError(f"{where}: {name!r} has the shape {shapes}.")


def read_weights(path: Path, model: Transformer) -> Mapping[str, str]:
    """Fill `model` from a weights file and return its metadata; names and shapes must fit exactly."""
    weights = open_weights(path)
    check_fit(weights, model.state_dict())
    model.load_state_dict(weights.tensors)
    return weights.metadata
