"""Errors of a database that can't be used at the moment, however the driver says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.db.sqlstates import Meaning, meaning
from shared.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"


class DatabaseRefusesWrites(DatabaseUnavailable):
    code = "database_refuses_writes"


@contextmanager
def translate_connection_errors() -> Iterator[None]:
    """Turn the many ways in which a database is not there into `DatabaseUnavailable`."""
    try:
        yield
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if refuses_writes(error):
            raise DatabaseRefusesWrites from error
        if is_unavailable(error):
            raise DatabaseUnavailable from error
        raise


def sqlstate_of(error: BaseException) -> str | None:
    """The code that Postgres gave, five characters; None where it is not Postgres that speaks."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return sqlstate_of(cause) if cause is not None else None
    return error.sqlstate if isinstance(error, pg.PostgresError) else None


def refuses_writes(error: BaseException) -> bool:
    """Whether the database can be read but not written."""
    if isinstance(error, DatabaseRefusesWrites):
        return True
    sqlstate = sqlstate_of(error)
    return sqlstate is not None and meaning(sqlstate) is Meaning.NO_WRITES


def is_unavailable(error: BaseException) -> bool:
    """Whether trying again later helps, as against a statement that was refused for good."""
    sqlstate = sqlstate_of(error)
    if sqlstate is not None:
        return meaning(sqlstate) in {Meaning.UNAVAILABLE, Meaning.NO_WRITES}
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        lost = error.connection_invalidated or isinstance(cause, pg.InterfaceError | OSError)
        return lost or isinstance(error, InterfaceError | OperationalError)
    return isinstance(error, pg.InterfaceError | OSError | PoolTimeoutError | DatabaseUnavailable)
