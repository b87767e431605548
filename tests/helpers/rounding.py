"""How far apart two ways to one number may end, on any CPU: bounds that follow from the arithmetic."""

from __future__ import annotations

import numpy as np
import torch

SENT = 2.0**-23
"""A number that is sent to the browser is rounded to float32: half of this share of it, and half is room."""

APART = {dtype: 1024 * torch.finfo(dtype).eps / 2 for dtype in (torch.float64, torch.float32)}
"""How far two orders of adding may end apart in a small model, whose values are of order 1: 1024 roundings.

40 are seen where our formulas meet torch's, and how many there are does not depend on the precision:
the bound of 1e-13 that float64 keeps is what justifies the 6e-5 of float32.
"""


def of_product(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far x Wᵀ + b in float32 may lie from the exact one: each term passes at most n + 1 roundings."""
    return (x.shape[-1] + 1) * 2.0**-24 * (np.abs(x) @ np.abs(W).T + np.abs(b))
