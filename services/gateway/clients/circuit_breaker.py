"""Asking for what an answer can do without: briefly, and after that was in vain not for a while."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import DomainError, Unavailable

T = TypeVar("T")
REST = 5.0  # seconds


class CircuitBreaker:
    """One such question. Whoever asks it while it rests gets None at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._rests_until = clock, 0.0

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """None where there is no answer; a refusal is one, and no reason to rest."""
        if self._clock() < self._rests_until:
            return None
        try:
            return await ask()
        except Unavailable:
            self._rests_until = self._clock() + REST
        except DomainError:
            pass
        return None
