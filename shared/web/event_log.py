"""`GET /internal/events`: a producer's history, for a consumer that starts from nothing."""

from typing import Annotated, Any

from fastapi import Depends, Query

from shared.contracts import PUBLISHED
from shared.eventsourcing.store import EventStore
from shared.messaging.envelope import to_envelope
from shared.web.app import Transaction, provided
from shared.web.identity import callers
from shared.web.routes import Router

PAGE = 200  # events
_CONSUMERS = Depends(callers("checker", "notifier", "reports"))


def router(service: str) -> Router:
    routes = Router(prefix="/internal", dependencies=[_CONSUMERS])
    names = [event.type_name() for event in PUBLISHED[service]]

    @routes.get("/events")
    async def events(
        connection: Transaction,
        store: Annotated[EventStore, provided(EventStore)],
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    ) -> dict[str, Any]:
        """Envelopes after a position, oldest first, and the position to go on from."""
        page = await store.read_page(connection, after, PAGE, names)
        return {
            "events": [to_envelope(event).model_dump(mode="json") for event in page],
            "next": page[-1].position if page else after,
        }

    return routes
