"""Load, evolve, decide, append."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import ConcurrencyConflict
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.store import EventStore

S = TypeVar("S")
TRIES = 3


async def execute(
    connection: AsyncConnection,
    store: EventStore,
    decider: Decider[S],
    stream_id: str,
    decide: Callable[[S], Sequence[Event]],
) -> list[RecordedEvent]:
    """Run one command on one stream; the events it led to, none when nothing had to change.

    Raises:
        DomainError: what `decide` raises.
        ConcurrencyConflict: others were faster three times in a row.
    """
    for _ in range(TRIES - 1):
        try:
            return await _attempt(connection, store, decider, stream_id, decide)
        except ConcurrencyConflict:
            continue
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
