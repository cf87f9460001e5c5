"""A circuit breaker for what an answer can do without: after a failure nobody asks for a while."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import DomainError, Unavailable

T = TypeVar("T")
OPEN_SECONDS = 5.0  # after a failure


class CircuitBreaker:
    """Around one kind of call. While it is open every call gets None at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._open_until = clock, 0.0

    async def call(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """None where there is no answer; a refusal is one, and opens nothing."""
        if self._clock() < self._open_until:
            return None
        try:
            return await call()
        except Unavailable:
            self._open_until = self._clock() + OPEN_SECONDS
        except DomainError:
            pass
        return None
