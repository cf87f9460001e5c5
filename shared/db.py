"""The one place that opens and commits transactions."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

from asyncpg import exceptions as pg
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared import deadline
from shared.commits import in_time
from shared.errors import Unavailable
from shared.keepalive import SERVER_SETTINGS, KeptAlive
from shared.sqlstates import Meaning, meaning

COMMAND_TIMEOUT = 30.0  # seconds; asyncpg waits for ever without it
# Seconds, for a connection and for each lock; a command has its deadline besides.
POOL_TIMEOUT, LOCK_TIMEOUT = 3.0, 5.0


class DatabaseAway(Unavailable):
    code = "database_unavailable"


class DatabaseRefusesWrites(DatabaseAway):
    code = "database_refuses_writes"


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
        that died is noticed all the same (`shared.keepalive`). Connects on first use.
        """
        patience = LOCK_TIMEOUT if lock_timeout is None else lock_timeout
        address = make_url(url).set(drivername="postgresql+asyncpg")
        connect_args = {
            "command_timeout": command_timeout,
            "timeout": 5,
            "connection_class": KeptAlive,
            "server_settings": {
                "lock_timeout": f"{1000 * patience:.0f}",
                **SERVER_SETTINGS,
                **({"statement_timeout": "0"} if command_timeout is None else {}),
            },
        }
        # An error's text must not carry addresses, hashes or contents.
        self.engine: AsyncEngine = create_async_engine(
            address,
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=POOL_TIMEOUT,
            hide_parameters=True,
            connect_args=connect_args,
        )
        event.listen(self.engine.sync_engine, "checkout", _see_that_it_is_open)
        # For looking after commits: the pool may be full of connections that are dead.
        self._asking = create_async_engine(
            address, poolclass=NullPool, hide_parameters=True, connect_args=connect_args
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commit at the end of the block, roll back when it raises.

        Raises:
            DatabaseRefusesWrites: it can only be read at the moment.
            DatabaseAway: there is no working connection; trying again later helps.
            Unavailable: the command's deadline has come; nothing was done.
            OutcomeUnknown: of a command's commit it can't be told whether it was done.
        """
        with translate_connection_errors():
            async with self._begun() as connection:
                try:
                    yield connection
                except Exception as error:
                    if takes_no_writes(error):
                        # A session that began as read-only stays so when the database no longer is.
                        await connection.invalidate()
                    raise

    @asynccontextmanager
    async def questions(self) -> AsyncIterator[AsyncConnection]:
        """A connection to ask on: each question sees what is committed when it is asked.

        A single one needs no more round trips than that; a transaction has two besides.

        Raises:
            DatabaseAway: there is no working connection; trying again later helps.
        """
        with translate_connection_errors():
            async with self.engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    def _begun(self) -> AbstractAsyncContextManager[AsyncConnection]:
        until = deadline.current()
        if until is None:
            return self.engine.begin()
        return in_time(self.engine, self._asking, until, is_away)

    async def connect(self) -> AsyncConnection:
        """Open a connection for a loop that keeps it, and closes it; raises like `transaction`."""
        with translate_connection_errors():
            return await self.engine.connect()

    async def close(self) -> None:
        await self.engine.dispose()


def _see_that_it_is_open(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Have another connection made for one whose server has closed it while it waited.

    It is known without asking the server, which SQLAlchemy's `pool_pre_ping` does in three round
    trips; of a server that says nothing more, neither would learn before its time is over.
    """
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


@contextmanager
def translate_connection_errors() -> Iterator[None]:
    """Turn the many ways in which a database is not there into `DatabaseAway`."""
    try:
        yield
    except DatabaseAway:
        raise
    except Exception as error:
        if takes_no_writes(error):
            raise DatabaseRefusesWrites from error
        if is_away(error):
            raise DatabaseAway from error
        raise


def sqlstate_of(error: BaseException) -> str | None:
    """The code that Postgres gave, five characters; None where it is not Postgres that speaks."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return sqlstate_of(cause) if cause is not None else None
    return error.sqlstate if isinstance(error, pg.PostgresError) else None


def takes_no_writes(error: BaseException) -> bool:
    """Whether the database can be read but not written."""
    if isinstance(error, DatabaseRefusesWrites):
        return True
    sqlstate = sqlstate_of(error)
    return sqlstate is not None and meaning(sqlstate) is Meaning.NO_WRITES


def is_away(error: BaseException) -> bool:
    """Whether trying again later helps, as against a statement that was refused for good."""
    sqlstate = sqlstate_of(error)
    if sqlstate is not None:
        return meaning(sqlstate) in {Meaning.AWAY, Meaning.NO_WRITES}
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        lost = error.connection_invalidated or isinstance(cause, pg.InterfaceError | OSError)
        return lost or isinstance(error, InterfaceError | OperationalError)
    return isinstance(error, pg.InterfaceError | OSError | PoolTimeoutError | DatabaseAway)
