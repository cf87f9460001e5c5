"""Retries of requests to other services."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2

from shared.errors import DomainError, OutcomeUnknown

RETRY_SECONDS = 10.0  # after the last byte of the request; a killed service restarts within about 3
PAUSE = 0.25  # seconds between two attempts
CONNECT = 2.0  # seconds
# Statuses of checks before the idempotency key: they do not show whether it was processed.
_BEFORE_THE_KEY = frozenset({401, 403, 503})
Bytes = bytes | AsyncIterator[bytes]


class ReplayableBody:
    """A streamed body, buffered while it is sent, so that it can be sent again."""

    def __init__(self, content: Bytes | None) -> None:
        self._arriving = None if content is None or isinstance(content, bytes) else content
        self._whole = content if isinstance(content, bytes) else None
        self._pieces: list[bytes] = []
        self._ended_at = None if self._arriving else time.monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether all of it has been sent at least once."""
        return self._ended_at is not None

    @property
    def age(self) -> float:
        """Seconds since its last byte was received."""
        return 0.0 if self._ended_at is None else time.monotonic() - self._ended_at

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
                self._ended_at = time.monotonic()


class Attempts:
    """Decides after each failure whether to retry or which error to raise."""

    def __init__(self, body: ReplayableBody, *, repeats: bool) -> None:
        """`repeats`: the request has an idempotency key."""
        self._body, self._repeats = body, repeats
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
        self._failing_since = self._failing_since or time.monotonic()
        waited = time.monotonic() - self._failing_since
        left = RETRY_SECONDS - max(waited, self._body.age) - PAUSE
        if not self._repeats or left <= 0:
            raise (OutcomeUnknown() if self._is_unsure else failure) from cause
        await asyncio.sleep(PAUSE)
        return httpx2.Timeout(left, connect=min(CONNECT, left))


def _may_end_differently(failure: DomainError) -> bool:
    """Whether another attempt can have a different outcome."""
    return isinstance(failure, OutcomeUnknown) or failure.status in _BEFORE_THE_KEY
