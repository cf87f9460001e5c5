"""Classifies errors of reactions: may a message be at fault, or are its surroundings?"""

from collections.abc import Iterator

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from asyncpg import exceptions as pg
from sqlalchemy.exc import SQLAlchemyError

from shared.db import sqlstate_of
from shared.db.sqlstates import Meaning, meaning
from shared.errors import ConcurrencyConflict, Unavailable
from shared.eventsourcing.event import UnreadableRowError

BROKER_ERRORS = (AMQPError, ChannelInvalidStateError)
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
    *BROKER_ERRORS,
)


def may_be_message_fault(error: BaseException) -> bool:
    """False when the surroundings failed: the error itself says so, or one that caused it."""
    return not any(_is_of_surroundings(link) for link in _with_causes(error))


def may_be_stream_fault(error: BaseException) -> bool:
    """The same for one stream that was written under the append lock, so that others can go on.

    Nobody is faster there: versions that conflict are those of a stream with a gap. And a row that
    can't be read harms no other stream.
    """
    return isinstance(error, ConcurrencyConflict | UnreadableRowError) or may_be_message_fault(
        error
    )


def _is_of_surroundings(error: BaseException) -> bool:
    sqlstate = sqlstate_of(error)
    if sqlstate is not None:
        return meaning(sqlstate) is not Meaning.VALUES
    return isinstance(error, _SURROUNDINGS)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and the chain of its causes; of a group, all errors in it."""
    left, seen = [error], set[int]()
    while left:
        link = left.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        cause = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        left += [] if cause is None else [cause]
        left += link.exceptions if isinstance(link, BaseExceptionGroup) else ()
