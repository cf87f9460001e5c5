"""The one place that opens and commits transactions."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared import deadline
from shared.db.commits import commit_by_deadline
from shared.db.connection_errors import (
    is_unavailable,
    refuses_writes,
    translate_connection_errors,
)
from shared.db.keepalive import SERVER_SETTINGS, KeepaliveConnection

COMMAND_TIMEOUT = 30.0  # seconds; asyncpg waits for ever without it
# Seconds, for a connection and for each lock; a command has its deadline besides.
POOL_TIMEOUT, LOCK_TIMEOUT = 3.0, 5.0


class Database:
    """A pool of connections for one login role."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        overflow: int = 10,
        lock_timeout: float | None = None,
        command_timeout: float | None = COMMAND_TIMEOUT,
    ) -> None:
        """Take `postgresql://…`, and the seconds to wait for a lock, 0 for ever.

        Without a `command_timeout` no statement is cut, on either side; a server or a network
        that died is noticed all the same (`shared.db.keepalive`). Connects on first use.
        """
        lock_timeout = LOCK_TIMEOUT if lock_timeout is None else lock_timeout
        engine_url = make_url(url).set(drivername="postgresql+asyncpg")
        connect_args = {
            "command_timeout": command_timeout,
            "timeout": 5,
            "connection_class": KeepaliveConnection,
            "server_settings": {
                "lock_timeout": f"{1000 * lock_timeout:.0f}",
                **SERVER_SETTINGS,
                **({"statement_timeout": "0"} if command_timeout is None else {}),
            },
        }
        # An error's text must not carry addresses, hashes or contents.
        self.engine: AsyncEngine = create_async_engine(
            engine_url,
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=POOL_TIMEOUT,
            hide_parameters=True,
            connect_args=connect_args,
        )
        event.listen(self.engine.sync_engine, "checkout", _replace_closed_connection)
        # To look up commits: the pool may be full of connections that are dead.
        self._lookup_engine = create_async_engine(
            engine_url, poolclass=NullPool, hide_parameters=True, connect_args=connect_args
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commit at the end of the block, roll back when it raises.

        Raises:
            DatabaseRefusesWrites: it can only be read at the moment.
            DatabaseUnavailable: there is no working connection; trying again later helps.
            Unavailable: the command's deadline has come; nothing was done.
            OutcomeUnknown: of a command's commit it can't be told whether it was done.
        """
        with translate_connection_errors():
            async with self._begin() as connection:
                try:
                    yield connection
                except Exception as error:
                    if refuses_writes(error):
                        # A session that began as read-only stays so when the database no longer is.
                        await connection.invalidate()
                    raise

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit mode: each query sees what is committed when it is sent.

        A query needs one round trip; in a transaction of its own it would need three.

        Raises:
            DatabaseUnavailable: there is no working connection; trying again later helps.
        """
        with translate_connection_errors():
            async with self.engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    def _begin(self) -> AbstractAsyncContextManager[AsyncConnection]:
        until = deadline.current()
        if until is None:
            return self.engine.begin()
        return commit_by_deadline(self.engine, self._lookup_engine, until, is_unavailable)

    async def connect(self) -> AsyncConnection:
        """Open a connection for a loop, which has to close it; raises like `transaction`."""
        with translate_connection_errors():
            return await self.engine.connect()

    async def close(self) -> None:
        await self.engine.dispose()


def _replace_closed_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Replace a connection of the pool that its server has closed.

    This is known without asking the server, which SQLAlchemy's `pool_pre_ping` does in three round
    trips; of a server that says nothing more, neither would learn before its time is over.
    """
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError
