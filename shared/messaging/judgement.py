"""Whether a message may be to blame for what its reaction raised."""

from collections.abc import Iterator

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from asyncpg import exceptions as pg
from sqlalchemy.exc import SQLAlchemyError

from shared.db import sqlstate_of
from shared.errors import ConcurrencyConflict, Unavailable
from shared.eventsourcing.event import UnreadableRowError
from shared.sqlstates import Meaning, meaning

BROKER_TROUBLE = (AMQPError, ChannelInvalidStateError)
_SURROUNDINGS = (
    OSError,  # TimeoutError among them
    MemoryError,
    ImportError,
    Unavailable,
    ConcurrencyConflict,
    SQLAlchemyError,
    UnreadableRowError,  # an event of our own
    pg.InterfaceError,
    pg.InternalClientError,
    *BROKER_TROUBLE,
)


def may_be_to_blame(error: BaseException) -> bool:
    """False when any part of the surroundings failed: in the error itself, or behind it."""
    return not any(_is_of_surroundings(link) for link in _with_causes(error))


def stream_may_be_to_blame(error: BaseException) -> bool:
    """The same of a stream that was written under the append lock, so that others can go on.

    Nobody is faster there: versions that conflict are those of a stream with a hole. And a row that
    can't be read is nobody else's.
    """
    return isinstance(error, ConcurrencyConflict | UnreadableRowError) or may_be_to_blame(error)


def _is_of_surroundings(error: BaseException) -> bool:
    sqlstate = sqlstate_of(error)
    if sqlstate is not None:
        return meaning(sqlstate) is not Meaning.VALUES
    return isinstance(error, _SURROUNDINGS)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it comes from; of a group, all that is in it."""
    left, seen = [error], set[int]()
    while left:
        link = left.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        behind = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        left += [] if behind is None else [behind]
        left += link.exceptions if isinstance(link, BaseExceptionGroup) else ()
