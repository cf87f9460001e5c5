"""How a connection to the mail server is tried for: about once a second while nobody answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiosmtplib import SMTPAuthenticationError

from services.notifier.smtp.connection import Connection

Connect = Callable[[], Awaitable[Connection]]

PACE = 1.0  # seconds between two attempts, after one that failed
LOGIN_PACE = 30.0  # after a refused login: a server that counts them may shut us out
# Seconds after which another attempt is made beside one that hangs, which may have begun before the
# server was back. The first one keeps all its time, for servers that greet slowly.
HANGS = 2.0


class Waiting(Protocol):
    """Who wants a connection, and is told what comes of the attempts."""

    def wanted(self) -> bool: ...

    def room(self) -> int: ...

    def failed(self, failure: BaseException) -> None: ...

    def hangs(self) -> None: ...


class Opening:
    """Opens one connection at a time, with up to two attempts on their way if there is room."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._next = 0.0  # when another attempt may begin

    async def open(self, waiting: Waiting) -> Connection | None:
        """The first connection that comes about; None once nobody wants one any more."""
        attempts: list[asyncio.Task[Connection]] = []
        try:
            while waiting.wanted():
                if time.monotonic() >= self._next:
                    self._begin(attempts, waiting.room())
                ended = await self._wait(attempts)
                for attempt in ended:
                    attempts.remove(attempt)
                    failure = attempt.exception()
                    if failure is None:
                        self._next = 0.0  # the server is there
                        return attempt.result()
                    self._note(failure)
                    if not attempts:
                        waiting.failed(failure)
                if attempts and not ended:
                    waiting.hangs()
            return None
        finally:
            for attempt in attempts:
                _give_up(attempt)

    def _begin(self, attempts: list[asyncio.Task[Connection]], room: int) -> None:
        if len(attempts) > 1:
            _give_up(attempts.pop())
        if len(attempts) < room:
            attempts.append(asyncio.ensure_future(self._connect()))
        self._next = time.monotonic() + HANGS

    async def _wait(
        self, attempts: list[asyncio.Task[Connection]]
    ) -> list[asyncio.Task[Connection]]:
        patience = max(0.0, self._next - time.monotonic())
        if attempts:
            await asyncio.wait(attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(patience)
        return [attempt for attempt in attempts if attempt.done()]

    def _note(self, failure: BaseException) -> None:
        refused = isinstance(failure.__cause__, SMTPAuthenticationError)
        self._next += (LOGIN_PACE if refused else PACE) - HANGS


def _give_up(attempt: asyncio.Task[Connection]) -> None:
    if not attempt.cancel() and not attempt.cancelled() and attempt.exception() is None:
        attempt.result().hang_up()
