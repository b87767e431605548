"""Browser-side views, a folder each: view.js and view.css in the browser, and a Python half (see `base`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def shades(shares: np.ndarray) -> np.ndarray:
    """Numbers 0…1 as uint8, 255 = 1."""
    rounded: np.ndarray = np.rint(shares * 255)
    return rounded.astype(np.uint8)


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One message: the header's length (uint32, little-endian), the header as JSON, then the arrays' bytes.

    The header gains `arrays`: for each name its dtype, shape and offset behind the header (see transport.js).
    """
    described, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        described[name] = {
            "dtype": str(array.dtype),
            "shape": array.shape,
            "offset": offset,
            "bytes": len(blob),
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps({**header, "arrays": described}, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *blobs])
