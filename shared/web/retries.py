"""Retries of requests to other services."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2

from shared.errors import DomainError, OutcomeUnknown

# Statuses of checks before the idempotency key: they do not show whether it was processed.
_BEFORE_THE_KEY = frozenset({401, 403, 503})
Bytes = bytes | AsyncIterator[bytes]


@dataclass(frozen=True)
class RetryPolicy:
    """How long requests are retried, in seconds, by which clock."""

    limit: float = 10.0  # after the last byte of the request; a killed service restarts in about 3
    pause: float = 0.25  # between two attempts
    connect: float = 2.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


RETRY = RetryPolicy()


class ReplayableBody:
    """A streamed body, buffered while it is sent, so that it can be sent again."""

    def __init__(
        self, content: Bytes | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._arriving = None if content is None or isinstance(content, bytes) else content
        self._whole = content if isinstance(content, bytes) else None
        self._pieces: list[bytes] = []
        self._ended_at = None if self._arriving else monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether all of it has been sent at least once."""
        return self._ended_at is not None

    @property
    def age(self) -> float:
        """Seconds since its last byte was received."""
        return 0.0 if self._ended_at is None else self._monotonic() - self._ended_at

    def to_send(self) -> Bytes | None:
        return self._whole if self._arriving is None else self._from_the_beginning(self._arriving)

    async def _from_the_beginning(self, arriving: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for piece in list(self._pieces):
            yield piece
        while not self.is_whole:
            piece = await anext(arriving, b"")
            if piece:
                self._pieces.append(piece)
                yield piece
            else:
                self._ended_at = self._monotonic()


class Attempts:
    """Decides after each failure whether to retry or which error to raise."""

    def __init__(self, body: ReplayableBody, policy: RetryPolicy, *, repeats: bool) -> None:
        """`repeats`: the request has an idempotency key."""
        self._body, self._policy, self._repeats = body, policy, repeats
        self._is_unsure = self._broke = False
        self._failing_since: float | None = None

    async def wait_or_raise(
        self, failure: DomainError, *, broke: bool, cause: Exception | None = None
    ) -> httpx2.Timeout:
        """Wait, and return the timeout of the next attempt; or raise the final error.

        `broke`: the connection broke after the service was reached, so it may be restarting.
        """
        self._is_unsure |= isinstance(failure, OutcomeUnknown)
        self._broke |= broke
        if not (self._is_unsure or self._broke) or not _may_end_differently(failure):
            raise failure from cause
        policy = self._policy
        self._failing_since = self._failing_since or policy.monotonic()
        waited = policy.monotonic() - self._failing_since
        left = policy.limit - max(waited, self._body.age) - policy.pause
        if not self._repeats or left <= 0:
            raise (OutcomeUnknown() if self._is_unsure else failure) from cause
        await policy.sleep(policy.pause)
        return httpx2.Timeout(left, connect=min(policy.connect, left))


def _may_end_differently(failure: DomainError) -> bool:
    """Whether another attempt can have a different outcome."""
    return isinstance(failure, OutcomeUnknown) or failure.status in _BEFORE_THE_KEY
