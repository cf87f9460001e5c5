"""A producer's events as its consumers ask for them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.contracts.http.events import EventIds, EventPage
from shared.messaging.envelope import CONTENT_TYPE
from shared.web.client import ServiceAway, ServiceClient


@dataclass
class Fetched:
    """An event as the message that it was, or should have been."""

    id: UUID
    body: bytes
    content_type: str | None
    message_id: str | None
    type: str | None

    @property
    def body_size(self) -> int:
        return len(self.body)

    async def ack(self) -> None:
        """Nobody waits for it."""


class Page(NamedTuple):
    """Events, and the position to go on from."""

    events: Sequence[Fetched]
    next: int


class Producer:
    """Asks a service for the events that the caller reads of it. All raise `ServiceAway`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def ids(self, after: int, until: int) -> EventIds:
        """Which events there are after a position, up to another; the first ones of them."""
        params = {"after": after, "until": until}
        return await self._client.fetch(EventIds, "GET", "/internal/events/ids", params=params)

    async def events(self, after: int, limit: int) -> Page:
        """The next events after a position, at most `limit`; none when that was all."""
        params = {"after": after, "limit": limit}
        page = await self._client.fetch(EventPage, "GET", "/internal/events", params=params)
        try:
            events = [_fetched(_Named.model_validate(one), one) for one in page.events]
        except ValidationError:
            raise ServiceAway from None
        return Page(events, page.next)

    async def close(self) -> None:
        await self._client.close()


class _Named(BaseModel):
    """What there must be of an envelope; the rest is judged when the message is read."""

    id: UUID
    type: str


def _fetched(named: _Named, envelope: Mapping[str, Any]) -> Fetched:
    there = {name: value for name, value in envelope.items() if value is not None}
    body = json.dumps(there, ensure_ascii=False, separators=(",", ":")).encode()
    name = named.type.split(".")[-2:][0]
    return Fetched(named.id, body, CONTENT_TYPE, str(named.id), name)
