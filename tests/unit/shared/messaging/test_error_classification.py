"""What an error says about the message whose reaction raised it."""

import pytest
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, NoResultFound, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.db import DatabaseUnavailable
from shared.errors import ConcurrencyConflict, Conflict, Unavailable
from shared.messaging.error_classification import may_be_message_fault
from shared.messaging.inbox import DigestMismatchError


def _wrapped(cause: BaseException) -> DBAPIError:
    origin = RuntimeError(str(cause))
    origin.__cause__ = cause
    return DBAPIError("SELECT 1", {}, origin)


def _after(cause: BaseException) -> Exception:
    """What a reaction raises that hides what happened to it."""
    hidden = ValueError("hidden")
    hidden.__context__ = cause
    return hidden


MAY_BE: list[BaseException] = [
    ValueError("bad"),
    KeyError("name"),
    RuntimeError("can't"),
    RecursionError(),
    AssertionError(),
    Conflict(),
    DigestMismatchError(),
    pg.UniqueViolationError("twice"),
    _wrapped(pg.DataError("NUL")),
    _wrapped(pg.CheckViolationError("no")),
    _wrapped(pg.RaiseError("no")),
    _wrapped(pg.ProgramLimitExceededError("too long")),
    _wrapped(pg.CardinalityViolationError("twice")),
    _after(KeyError()),
    ExceptionGroup("some", [ValueError(), KeyError()]),
]
IS_NOT: list[BaseException] = [
    OSError("disk"),
    TimeoutError(),
    ConnectionResetError(),
    MemoryError(),
    ImportError(),
    ModuleNotFoundError(),
    Unavailable(),
    DatabaseUnavailable(),
    ConcurrencyConflict(),
    PoolTimeoutError(),
    NoResultFound(),
    StatementError("x", "y", {}, None),
    AMQPError("refused"),
    ChannelInvalidStateError(),
    pg.InterfaceError("closed"),
    pg.OutdatedSchemaCacheError("older"),
    _wrapped(pg.ReadOnlySQLTransactionError("no")),
    _wrapped(pg.DiskFullError("no")),
    _wrapped(pg.UndefinedTableError("no")),
    _wrapped(pg.InsufficientPrivilegeError("no")),
    _wrapped(pg.StatementTooComplexError("deep")),
    _wrapped(pg.InternalServerError("broken")),
    _wrapped(pg.UnknownPostgresError("new")),
    _wrapped(ConnectionResetError()),
    _after(MemoryError()),
    _after(_wrapped(pg.DiskFullError("no"))),
    _after(TimeoutError()),
    ExceptionGroup("some", [ValueError(), ExceptionGroup("more", [OSError()])]),
]


@pytest.mark.parametrize("error", MAY_BE, ids=repr)
def test_what_may_lie_in_the_message(error: BaseException) -> None:
    assert may_be_message_fault(error)


@pytest.mark.parametrize("error", IS_NOT, ids=repr)
def test_what_does_not_lie_in_the_message(error: BaseException) -> None:
    assert not may_be_message_fault(error)


def test_a_circle_of_causes_has_an_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert may_be_message_fault(first)
