"""Which errors mean that the database is away, and which that it said no."""

import socket

import pytest
from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.db import (
    Database,
    DatabaseRefusesWrites,
    DatabaseUnavailable,
    is_unavailable,
    translate_connection_errors,
)


def _wrapped(kind: type[DBAPIError], cause: BaseException) -> DBAPIError:
    """As SQLAlchemy's asyncpg dialect wraps what the driver raises."""
    origin = RuntimeError(str(cause))
    origin.__cause__ = cause
    return kind("SELECT 1", {}, origin)


UNAVAILABLE: list[BaseException] = [
    ConnectionRefusedError(),
    ConnectionResetError(),
    pg.CannotConnectNowError("starting up"),
    pg.TooManyConnectionsError("no more"),
    pg.ConnectionDoesNotExistError("closed in the middle"),
    pg.InterfaceError("connection is closed"),
    PoolTimeoutError(),
    _wrapped(DBAPIError, pg.AdminShutdownError("terminated")),
    _wrapped(DBAPIError, pg.CrashShutdownError("crashed")),
    _wrapped(DBAPIError, pg.DiskFullError("no space left")),
    _wrapped(DBAPIError, pg.ReadOnlySQLTransactionError("read-only")),
    _wrapped(DBAPIError, pg.LockNotAvailableError("locked")),
    _wrapped(DBAPIError, pg.DeadlockDetectedError("deadlock")),
    _wrapped(DBAPIError, pg.QueryCanceledError("cancelled")),
    _wrapped(DBAPIError, pg.OutOfMemoryError("memory")),
    _wrapped(DBAPIError, pg.IdleInTransactionSessionTimeoutError("left alone")),
    _wrapped(DBAPIError, ConnectionResetError()),
    _wrapped(DBAPIError, TimeoutError()),
    _wrapped(InterfaceError, pg.InterfaceError("closed")),
    _wrapped(OperationalError, RuntimeError("x")),
]
THERE: list[BaseException] = [
    ValueError(),
    _wrapped(IntegrityError, pg.UniqueViolationError("twice")),
    _wrapped(DBAPIError, pg.InsufficientPrivilegeError("no")),
    _wrapped(DBAPIError, pg.UndefinedTableError("no")),
    _wrapped(DBAPIError, pg.DataError("NUL")),
    pg.UniqueViolationError("twice"),
    _wrapped(DBAPIError, pg.InternalServerError("broken")),
    _wrapped(DBAPIError, pg.UnknownPostgresError("nobody knows")),
]


@pytest.mark.parametrize("error", UNAVAILABLE, ids=repr)
def test_an_absence_is_told_as_one(error: BaseException) -> None:
    assert is_unavailable(error)


@pytest.mark.parametrize("error", THERE, ids=repr)
def test_a_refusal_is_not_an_absence(error: BaseException) -> None:
    assert not is_unavailable(error)


@pytest.mark.parametrize("cause", [pg.ReadOnlySQLTransactionError, pg.DiskFullError])
def test_a_database_that_can_only_be_read_is_told_as_such(cause: type[pg.PostgresError]) -> None:
    with (
        pytest.raises(DatabaseRefusesWrites),
        translate_connection_errors(),
        translate_connection_errors(),
    ):
        raise _wrapped(DBAPIError, cause("no"))


async def test_where_nobody_listens_the_database_is_away() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                async with database.transaction():
                    raise AssertionError
        with pytest.raises(DatabaseUnavailable):
            await database.connect()
    finally:
        await database.close()


async def test_where_nobody_answers_the_database_is_away() -> None:
    """A frozen server takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        port = frozen.getsockname()[1]
        database = Database(f"postgresql://nobody@127.0.0.1:{port}/nothing?timeout=0.3")
        try:
            with pytest.raises(DatabaseUnavailable):
                async with database.transaction():
                    raise AssertionError
        finally:
            await database.close()
