"""A cache whose entries expire."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Clock = Callable[[], float]


class TtlCache(Generic[K, V]):
    """Entries expire after their time; a full cache is cleared."""

    def __init__(self, clock: Clock = time.monotonic, max_entries: int = 10_000) -> None:
        self._clock, self._max_entries = clock, max_entries
        self._entries: dict[K, tuple[V, float]] = {}

    def get(self, key: K) -> V | None:
        value, until = self._entries.get(key, (None, 0.0))
        return value if self._clock() < until else None

    def set(self, key: K, value: V, seconds: float) -> V:
        if len(self._entries) >= self._max_entries:
            self._entries.clear()
        self._entries[key] = (value, self._clock() + seconds)
        return value

    def clear(self) -> None:
        self._entries.clear()
