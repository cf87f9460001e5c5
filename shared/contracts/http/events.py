"""What each service answers to those that consume its events (`/internal/events`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class EventPage(BaseModel):
    """Envelopes, oldest first, and the position to go on from.

    `unreadable` has the positions of events that can't be published.
    """

    events: list[dict[str, Any]]
    unreadable: list[int] = []
    next: int


class EventId(BaseModel):
    """An event that the producer has recorded."""

    position: int
    id: UUID
    time: datetime


class EventIds(BaseModel):
    """Events after a position, oldest first, and the position to go on from.

    Those up to `published` have been offered to the broker.
    """

    events: list[EventId]
    next: int
    published: int
