"""Seconds of many tries, and what to tell of them."""

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed (nearest rank)."""
    rank = ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def milliseconds(values: Sequence[float], percent: float) -> float:
    return 1000 * percentile(values, percent)
