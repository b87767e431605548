"""The options of a training run, and the ranges that they must lie in."""

from __future__ import annotations

from dataclasses import dataclass

from model.limits import Limit

FREE = ("epochs", "patience", "average", "decay", "dropout", "everyday", "back_translated", "short")
"""What may change when resuming; the card's history tells what did."""
RANGES = tuple(
    Limit(f"options: {name}", least, most, whole)
    for name, least, most, whole in (
        ("epochs", 1, 1_000_000, True),
        ("patience", 1, 1_000_000, True),
        ("average", 1, 100, True),
        ("max_tokens", 1, 1_000_000, True),
        ("seed", 0, 2**40, True),
        ("rate", 1e-9, 10, False),
        ("warmup", 0, 10**9, True),
        ("decay", 0, 1, False),
        ("weight_decay", 0, 1, False),
        ("smoothing", 0, 0.99, False),
        ("joined", 0, 1, False),
        ("everyday", 0, 10**9, True),
        ("back_translated", 0, 10**9, True),
        ("short", 0, 10**9, True),
    )
)


@dataclass(frozen=True)
class Options:
    """How to train; on resuming, only what FREE names may change."""

    epochs: int = 40
    patience: int = 8
    seed: int = 1
    max_tokens: int = 2000
    optimizer: str = "muon"
    rate: float = 4e-3
    warmup: int = 500
    decay: float = 0.4
    weight_decay: float = 0.05
    smoothing: float = 0.1
    joined: float = 0.06
    everyday: int = 60_000
    back_translated: int = 30_000
    short: int = 20_000
    average: int = 8
    snapshots: tuple[int, ...] = (0, 100, 300, 1000, 3000)

    def __post_init__(self) -> None:
        for limit in RANGES:
            limit.check(getattr(self, limit.name.removeprefix("options: ")))
        if bad := [step for step in self.snapshots if step < 0]:
            raise ValueError(f"options: a snapshot's step must be at least 0, not {bad[0]}.")
