"""Times that can be compared: taken in turns, on one thread, in processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Times = dict[str, list[float]]


def milliseconds(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return 1000 * (time.process_time() - start)


def interleaved(acts: dict[str, Callable[[], object]], repeats: int) -> Times:
    """Times of each act, one after the other in turn, after one warming round."""
    for act in acts.values():
        act()
    times: Times = {name: [] for name in acts}
    for _ in range(repeats):
        for name, act in acts.items():
            times[name].append(milliseconds(act))
    return times


def ratio(times: Times, above: str, below: str) -> float:
    """Median of the ratios of neighbours."""
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def medians(times: Times) -> dict[str, float]:
    return {f"{name}_ms": statistics.median(values) for name, values in times.items()}
