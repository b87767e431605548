"""Files of a checkpoint: read whole and checked; written beside their place, then renamed into it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST_JSON = 32_000_000
"""Bytes of a JSON file; nobody's config or card is as long."""


class CheckpointError(ValueError):
    """A checkpoint does not load; the message is one sentence that names the file and the cause."""


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_of(path: Path) -> bytes:
    """The bytes of a checkpoint's file, all at once: what is checked is what is used."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.parent.name}/{path.name} does not read: {error.strerror}.") from None


def parse_json(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object that the bytes hold; `where` names the file in the error's sentence."""
    try:
        if len(content) > LONGEST_JSON:
            raise ValueError(f"it has {len(content):,} bytes")
        values = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise CheckpointError(f"{where} does not read as JSON (it is nested too deeply).") from None
    except ValueError as error:  # bad encoding, bad JSON, and numbers of more than 4,300 digits
        reason = str(error).split(";")[0]
        raise CheckpointError(f"{where} does not read as JSON ({reason}).") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{where} must hold a JSON object.")
    return values


def read_json(path: Path) -> dict[str, Any]:
    return parse_json(content_of(path), f"{path.parent.name}/{path.name}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write what shall stand at `path`: beside it, and renamed when all went well.

    Until then, and if anything goes wrong, `path` keeps what it held. A link leads to its target; what is no
    file of its own (a pipe, a device) is written to directly.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(21, "Is a directory", str(path))
    if target.exists() and not target.is_file():
        yield target
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield beside
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, values: Mapping[str, object]) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
