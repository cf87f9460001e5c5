"""The connections to the mail server: a few, each used for many mails."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from services.notifier.smtp.connection import Connection
from services.notifier.smtp.connection_queue import ConnectionQueue, Turn
from services.notifier.smtp.connector import HANGS, Connect, Opening
from shared.logging import log

IDLE = 5.0  # seconds without a mail after which a connection is closed


class ServerAway(Exception):
    """Nobody answers at the moment, which somebody else has found out."""


class Pool:
    """At most `size` connections. Whoever waits for one gets it in turn."""

    def __init__(self, connect: Connect, size: int, back: Callable[[], None]) -> None:
        """Take how to open a connection, and whom to tell that the server is back."""
        self._opening, self._size, self._back = Opening(connect), size, back
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._queue = ConnectionQueue()
        self._open = 0  # connections, in use and idle
        self._opener: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._knocking = self.closed = False
        self.away = False  # there is no connection, and the last attempt failed or hangs

    async def take(self, *, account: bool) -> Connection:
        """A connection to send one mail on, about an account or with a result.

        Raises:
            TemporaryFailure: the server doesn't let us in, or nobody answers.
            ServerAway: the same, and somebody who was there before has been told.
        """
        while self._idle and not self.closed:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.usable:
                return connection
            self._drop(connection)
        if self.closed or self.away:
            raise ServerAway
        turn = self._queue.join(account=account)
        self._open_more()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back(turn.result())
            raise

    def give_back(self, connection: Connection) -> None:
        """The mail is through, one way or the other."""
        if self.closed or not connection.usable:
            self._drop(connection)
        else:
            self._hand_out(connection)
        self._open_more()

    async def is_back(self) -> bool:
        """Have the server tried again and again, and wait some moments for what comes of it."""
        self._knocking = True
        self._tried.clear()
        self._open_more()
        with suppress(TimeoutError):
            async with asyncio.timeout(HANGS):
                await self._tried.wait()
        return not self.away

    def rest(self) -> None:
        """There is nothing to send: who is away need not be tried for."""
        self._knocking = False

    def stop(self) -> None:
        """Nobody gets a connection any more; whoever waits for one is told that there is none."""
        self.closed, self._knocking = True, False
        self._tell(ServerAway, list(self._queue))

    async def close(self) -> None:
        """Say goodbye on idle connections."""
        self.stop()
        if self._opener is not None:
            self._opener.cancel()
            await asyncio.wait([self._opener])
        for connection, timer in self._idle.items():
            timer.cancel()
            self._drop(connection)
        self._idle.clear()

    def wanted(self) -> bool:
        return bool(self._queue) or self._knocking

    def room(self) -> int:
        return self._size - self._open

    def failed(self, failure: BaseException) -> None:
        """The first who waits is told why, the others that it is so; some will try again."""
        if not self._open:
            self._is_away()
            waiting = list(self._queue)
            self._tell(failure, waiting[:1])
            self._tell(ServerAway, waiting[1:])

    def hangs(self) -> None:
        """The first who waits may still be answered."""
        if not self._open:
            self._is_away()
            self._tell(ServerAway, list(self._queue)[1:])

    def _is_away(self) -> None:
        if not self.away:
            log.warning("mail_server_away")
        self.away, self._knocking = True, not self.closed
        self._tried.set()

    def _is_there(self) -> None:
        if self.away:
            log.info("mail_server_back")
            self._back()
        self.away = self._knocking = False
        self._tried.set()

    def _tell(
        self, failure: BaseException | type[BaseException], waiting: Collection[Turn]
    ) -> None:
        for turn in waiting:
            turn.set_exception(failure)

    def _hand_out(self, connection: Connection) -> None:
        if turn := self._queue.next():
            turn.set_result(connection)
        else:
            loop = asyncio.get_running_loop()
            self._idle[connection] = loop.call_later(IDLE, self._end_idle, connection)

    def _end_idle(self, connection: Connection) -> None:
        del self._idle[connection]
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._open -= 1
        connection.hang_up()

    def _open_more(self) -> None:
        if self._opener is None and self.wanted() and self.room() > 0:
            self._opener = asyncio.create_task(self._keep_opening())

    async def _keep_opening(self) -> None:
        try:
            while self.wanted() and self.room() > 0:
                if connection := await self._opening.open(self):
                    self._open += 1
                    self._is_there()
                    self._hand_out(connection)
        finally:
            self._opener = None
