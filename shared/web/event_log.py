"""`GET /internal/events`: a producer's history, for a consumer that starts from nothing."""

from typing import Annotated, Any

from fastapi import Depends, Query

from shared.contracts import PUBLISHED
from shared.eventsourcing.pages import scan
from shared.eventsourcing.store import EventStore
from shared.messaging.envelope import Envelope
from shared.messaging.outbox import envelopes
from shared.web.app import Transaction, provided
from shared.web.identity import callers
from shared.web.routes import Router

PAGE = 200  # events
_CONSUMERS = Depends(callers("checker", "notifier", "reports"))


def router(service: str) -> Router:
    routes = Router(prefix="/internal", dependencies=[_CONSUMERS])
    published = {event.type_name() for event in PUBLISHED[service]}

    @routes.get("/events")
    async def events(
        connection: Transaction,
        store: Annotated[EventStore, provided(EventStore)],
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    ) -> dict[str, Any]:
        """Envelopes after a position, oldest first, and the position to go on from.

        `unreadable` has the positions of events that can't be told; each is told to all queues as
        soon as it can be. Nothing follows a page without events.
        """
        private = [name for name in store.types.names() if name not in published]
        told: list[Envelope] = []
        unreadable: list[int] = []
        while not told:
            page = await scan(connection, private, after, PAGE)
            told, reasons = envelopes(store.types, page.rows)
            unreadable += reasons
            if page.reached == after:
                break
            after = page.reached
        return {
            "events": [envelope.model_dump(mode="json") for envelope in told],
            "unreadable": unreadable,
            "next": after,
        }

    return routes
