"""What is sent to the browser, unpacked as transport.js does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays by name of a message that `pack` made."""
    length = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + length].decode())
    unpacked = {}
    for name, array in header["arrays"].items():
        start = 4 + length + array["offset"]
        blob = data[start : start + array["bytes"]]
        unpacked[name] = np.frombuffer(blob, array["dtype"]).reshape(array["shape"])
    return header, unpacked


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Of one type and shape, and equal bit for bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
