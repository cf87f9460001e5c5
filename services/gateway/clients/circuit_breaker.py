"""A circuit breaker for optional calls: after a failure no call is made for a while."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import DomainError, Unavailable

T = TypeVar("T")
OPEN_SECONDS = 5.0  # after a failure


class CircuitBreaker:
    """Guards one kind of call. While it is open, `call` returns None immediately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._open_until = clock, 0.0

    async def call(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The result, or None on an error. Only `Unavailable` opens the breaker."""
        if self._clock() < self._open_until:
            return None
        try:
            return await call()
        except Unavailable:
            self._open_until = self._clock() + OPEN_SECONDS
        except DomainError:
            pass
        return None
