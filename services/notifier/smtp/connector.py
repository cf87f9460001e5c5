"""Opens connections to the mail server; while it is unavailable, about one attempt a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiosmtplib import SMTPAuthenticationError

from services.notifier.smtp.connection import Connection

Connect = Callable[[], Awaitable[Connection]]

RETRY_SECONDS = 1.0  # between two attempts, after one that failed
LOGIN_RETRY_SECONDS = 30.0  # after a refused login: servers that count them may lock us out
# After which a second attempt is made beside one that hangs, which may have begun before the server
# was available. The first one keeps its whole time-out, for servers that greet slowly.
HANG_SECONDS = 2.0


class Demand(Protocol):
    """Wants connections, and is notified of failed and hanging attempts."""

    def is_wanted(self) -> bool: ...

    def free_slots(self) -> int: ...

    def on_failure(self, failure: BaseException) -> None: ...

    def on_hang(self) -> None: ...


class Connector:
    """Opens one connection at a time, with up to two attempts at once if there are free slots."""

    def __init__(self, connect: Connect, hang_seconds: float = HANG_SECONDS) -> None:
        self._connect, self._hang_seconds = connect, hang_seconds
        self._next_attempt = 0.0  # by the monotonic clock

    async def open(self, demand: Demand) -> Connection | None:
        """The first connection that is established; None once none is wanted any more."""
        attempts: list[asyncio.Task[Connection]] = []
        try:
            while demand.is_wanted():
                if time.monotonic() >= self._next_attempt:
                    self._start_attempt(attempts, demand.free_slots())
                ended = await self._wait(attempts)
                for attempt in ended:
                    attempts.remove(attempt)
                    failure = attempt.exception()
                    if failure is None:
                        self._next_attempt = 0.0  # the server is available
                        return attempt.result()
                    self._delay_next(failure)
                    if not attempts:
                        demand.on_failure(failure)
                if attempts and not ended:
                    demand.on_hang()
            return None
        finally:
            for attempt in attempts:
                _abandon(attempt)

    def _start_attempt(self, attempts: list[asyncio.Task[Connection]], free_slots: int) -> None:
        if len(attempts) > 1:
            _abandon(attempts.pop())
        if len(attempts) < free_slots:
            attempts.append(asyncio.ensure_future(self._connect()))
        self._next_attempt = time.monotonic() + self._hang_seconds

    async def _wait(
        self, attempts: list[asyncio.Task[Connection]]
    ) -> list[asyncio.Task[Connection]]:
        seconds = max(0.0, self._next_attempt - time.monotonic())
        if attempts:
            await asyncio.wait(attempts, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)
        return [attempt for attempt in attempts if attempt.done()]

    def _delay_next(self, failure: BaseException) -> None:
        refused = isinstance(failure.__cause__, SMTPAuthenticationError)
        self._next_attempt += (
            LOGIN_RETRY_SECONDS if refused else RETRY_SECONDS
        ) - self._hang_seconds


def _abandon(attempt: asyncio.Task[Connection]) -> None:
    if not attempt.cancel() and not attempt.cancelled() and attempt.exception() is None:
        attempt.result().quit()
