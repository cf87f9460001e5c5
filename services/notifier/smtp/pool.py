"""The connections to the mail server: a few, each used for many mails."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from services.notifier.smtp.connection import Connection
from services.notifier.smtp.connection_queue import ConnectionQueue, Waiter
from services.notifier.smtp.connector import HANG_SECONDS, Connect, Connector
from shared.logging import log

IDLE_SECONDS = 5.0  # without a mail, after which a connection is closed


class MailServerUnavailable(Exception):
    """No connection can be opened at the moment, and another delivery has recorded that."""


class ConnectionPool:
    """At most `size` connections. Waiters are served in their order."""

    def __init__(
        self,
        connect: Connect,
        size: int,
        on_available: Callable[[], None],
        *,
        idle_seconds: float = IDLE_SECONDS,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        """`on_available` is called when the server can be reached again."""
        self._connector, self._size = Connector(connect, hang_seconds), size
        self._on_available = on_available
        self._idle_seconds, self._hang_seconds = idle_seconds, hang_seconds
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._queue = ConnectionQueue()
        self._open = 0  # connections, in use and idle
        self._opener: asyncio.Task[None] | None = None
        self._probed = asyncio.Event()
        self._probing = self.closed = False
        self.unavailable = False  # there is no connection, and the last attempt failed or hangs

    async def acquire(self, *, account: bool) -> Connection:
        """A connection for one mail, about an account or with a result.

        Raises:
            TemporaryFailure: the server refuses the connection, or can't be reached.
            MailServerUnavailable: the same, and the first waiter has got the `TemporaryFailure`.
        """
        while self._idle and not self.closed:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.usable:
                return connection
            self._drop(connection)
        if self.closed or self.unavailable:
            raise MailServerUnavailable
        waiter = self._queue.add(account=account)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())
            raise

    def release(self, connection: Connection) -> None:
        """Give a connection back after its mail, whatever became of that."""
        if self.closed or not connection.usable:
            self._drop(connection)
        else:
            self._hand_out(connection)
        self._open_more()

    async def probe(self) -> bool:
        """Keep trying to connect, and wait some moments for it; True when the server is available.

        Without waiters nothing else does, until `stop_probing`.
        """
        self._probing = True
        self._probed.clear()
        self._open_more()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._hang_seconds):
                await self._probed.wait()
        return not self.unavailable

    def stop_probing(self) -> None:
        self._probing = False

    def stop(self) -> None:
        """Hand out no more connections; waiters get `MailServerUnavailable`."""
        self.closed, self._probing = True, False
        self._fail(MailServerUnavailable, list(self._queue))

    async def close(self) -> None:
        """Stop, and quit idle connections."""
        self.stop()
        if self._opener is not None:
            self._opener.cancel()
            await asyncio.wait([self._opener])
        for connection, timer in self._idle.items():
            timer.cancel()
            self._drop(connection)
        self._idle.clear()

    def is_wanted(self) -> bool:
        return bool(self._queue) or self._probing

    def free_slots(self) -> int:
        return self._size - self._open

    def on_failure(self, failure: BaseException) -> None:
        """Only the first waiter gets the failure, so that one outage fails one mail."""
        if not self._open:
            self._mark_unavailable()
            waiters = list(self._queue)
            self._fail(failure, waiters[:1])
            self._fail(MailServerUnavailable, waiters[1:])

    def on_hang(self) -> None:
        """The first waiter may still get a connection."""
        if not self._open:
            self._mark_unavailable()
            self._fail(MailServerUnavailable, list(self._queue)[1:])

    def _mark_unavailable(self) -> None:
        if not self.unavailable:
            log.warning("mail_server_unavailable")
        self.unavailable, self._probing = True, not self.closed
        self._probed.set()

    def _mark_available(self) -> None:
        if self.unavailable:
            log.info("mail_server_available")
            self._on_available()
        self.unavailable = self._probing = False
        self._probed.set()

    def _fail(
        self, failure: BaseException | type[BaseException], waiters: Collection[Waiter]
    ) -> None:
        for waiter in waiters:
            waiter.set_exception(failure)

    def _hand_out(self, connection: Connection) -> None:
        if waiter := self._queue.pop():
            waiter.set_result(connection)
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._idle_seconds, self._close_idle, connection)
            self._idle[connection] = timer

    def _close_idle(self, connection: Connection) -> None:
        del self._idle[connection]
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._open -= 1
        connection.quit()

    def _open_more(self) -> None:
        if self._opener is None and self.is_wanted() and self.free_slots() > 0:
            self._opener = asyncio.create_task(self._keep_opening())

    async def _keep_opening(self) -> None:
        try:
            while self.is_wanted() and self.free_slots() > 0:
                if connection := await self._connector.open(self):
                    self._open += 1
                    self._mark_available()
                    self._hand_out(connection)
        finally:
            self._opener = None
