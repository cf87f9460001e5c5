"""The client of a producer's event log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.contracts.http.events import EventIds, EventPage
from shared.messaging.envelope import CONTENT_TYPE
from shared.web.client import ServiceClient, ServiceUnavailable


@dataclass
class Fetched:
    """A fetched event in the form of a message from the broker."""

    id: UUID
    body: bytes
    content_type: str | None
    message_id: str | None
    type: str | None

    @property
    def body_size(self) -> int:
        return len(self.body)

    async def ack(self) -> None:
        """Do nothing: the broker did not deliver it."""


class Page(NamedTuple):
    """Events, and the position to continue from."""

    events: Sequence[Fetched]
    next: int


class Producer:
    """Fetches the events that the caller consumes. Methods raise `ServiceUnavailable`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def ids(self, after: int, until: int) -> EventIds:
        """The ids of events between two positions, up to a limit."""
        params = {"after": after, "until": until}
        return await self._client.fetch(EventIds, "GET", "/internal/events/ids", params=params)

    async def events(self, after: int, limit: int) -> Page:
        """The next events after a position, at most `limit`; none at the end."""
        params = {"after": after, "limit": limit}
        page = await self._client.fetch(EventPage, "GET", "/internal/events", params=params)
        try:
            events = [_fetched(_Named.model_validate(one), one) for one in page.events]
        except ValidationError:
            raise ServiceUnavailable from None
        return Page(events, page.next)

    async def close(self) -> None:
        await self._client.close()


class _Named(BaseModel):
    """The required fields of an envelope; the consumer validates the rest."""

    id: UUID
    type: str


def _fetched(named: _Named, envelope: Mapping[str, Any]) -> Fetched:
    there = {name: value for name, value in envelope.items() if value is not None}
    body = json.dumps(there, ensure_ascii=False, separators=(",", ":")).encode()
    name = named.type.split(".")[-2:][0]
    return Fetched(named.id, body, CONTENT_TYPE, str(named.id), name)
