"""A producer's published events, for its consumers: each sees the event types it consumes.

`GET /internal/events` serves a new consumer, `GET /internal/events/ids` one that checks whether it
has received all events.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import CONSUMED, PUBLISHED
from shared.contracts.http.events import EventId, EventIds, EventPage
from shared.eventsourcing import checkpoints
from shared.eventsourcing.scans import list_events, scan
from shared.eventsourcing.store import EventStore
from shared.messaging.envelope import Envelope
from shared.messaging.outbox.publishing import envelopes
from shared.web.app import Transaction, provided
from shared.web.identity import allowed_services
from shared.web.routes import Router

PAGE = 200  # events
LISTED = 1000  # ids of about a hundred bytes
END = 2**63 - 1
Position = Annotated[int, Query(ge=0, le=END)]
Limit = Annotated[int, Query(ge=1, le=PAGE)]


def published_types(producer: str, consumer: str) -> list[str]:
    """The types of a producer's events that a consumer consumes."""
    return [e.type_name() for e in CONSUMED[consumer] if e in PUBLISHED[producer]]


def router(service: str) -> Router:
    types_of = {consumer: published_types(service, consumer) for consumer in CONSUMED}
    consumers = allowed_services(*(consumer for consumer, types in types_of.items() if types))
    routes = Router(prefix="/internal")

    @routes.get("/events")
    async def events(
        caller: Annotated[str, Depends(consumers)],
        connection: Transaction,
        store: Annotated[EventStore, provided(EventStore)],
        after: Position = 0,
        limit: Limit = PAGE,
    ) -> EventPage:
        """Envelopes after a position, oldest first, and the position to continue from.

        A page has at most `limit` events and 16 MiB. A page without events is the last one.

        `unreadable` has the positions of events that can't be decoded; each is published to all
        queues once it can be.
        """
        hidden = [name for name in store.types.names() if name not in types_of[caller]]
        return await _page(connection, store, hidden, after, limit)

    @routes.get("/events/ids")
    async def ids(
        caller: Annotated[str, Depends(consumers)],
        connection: Transaction,
        after: Position = 0,
        until: Position = END,
    ) -> EventIds:
        """The ids of events between two positions, at most `LISTED`."""
        return await _ids(connection, types_of[caller], after, until)

    return routes


async def _page(
    connection: AsyncConnection, store: EventStore, hidden: Sequence[str], after: int, limit: int
) -> EventPage:
    events: list[Envelope] = []
    unreadable: list[int] = []
    while not events:
        page = await scan(connection, hidden, after, limit)
        events, reasons = envelopes(store.types, page.rows)
        unreadable += reasons
        if page.reached == after:
            break
        after = page.reached
    return EventPage(
        events=[envelope.model_dump(mode="json") for envelope in events],
        unreadable=unreadable,
        next=after,
    )


async def _ids(
    connection: AsyncConnection, types: Sequence[str], after: int, until: int
) -> EventIds:
    listing = await list_events(connection, types, after, until, LISTED)
    return EventIds(
        events=[
            EventId(position=one.position, id=one.event_id, time=one.recorded_at)
            for one in listing.events
        ],
        next=listing.reached,
        published=await checkpoints.position(connection, checkpoints.RELAY) or 0,
    )
