"""Load a stream, decide, append: one command on one aggregate."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import ConcurrencyConflict
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.store import EventStore

S = TypeVar("S")


async def execute(
    connection: AsyncConnection,
    store: EventStore,
    decider: Decider[S],
    stream_id: str,
    decide: Callable[[S], Sequence[Event]],
) -> list[RecordedEvent]:
    """Run one command on one stream; return the events it led to, none when nothing changed.

    Another writer may append between the load and the append. The append that finds this out has
    waited for the append lock and holds it until the end of the transaction, so what is loaded
    after it stays the last version: a second attempt is enough.

    Raises:
        DomainError: what `decide` raises.
        ConcurrencyConflict: the versions of the stream have a gap, which no attempt can mend.
    """
    try:
        return await _attempt(connection, store, decider, stream_id, decide)
    except ConcurrencyConflict:
        return await _attempt(connection, store, decider, stream_id, decide)


async def _attempt(
    connection: AsyncConnection,
    store: EventStore,
    decider: Decider[S],
    stream_id: str,
    decide: Callable[[S], Sequence[Event]],
) -> list[RecordedEvent]:
    history = await store.load(connection, stream_id)
    state = decider.state(recorded.event for recorded in history)
    return await store.append(connection, stream_id, len(history), decide(state))
