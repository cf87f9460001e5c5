"""Read tables that follow events."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import Event, RecordedEvent

Handler = Callable[[AsyncConnection, Any], Awaitable[None]]
"""`async (connection, recorded event)`; the recorded event's `event` is of the type it stands for.

Handlers name their tables without a schema: a rebuild points the search path at the shadow.
"""

History = Callable[[AsyncConnection, int], AsyncIterator[RecordedEvent]]
"""`(connection, after position) → events` in position order."""


@dataclass(frozen=True)
class Projection:
    """Tables that are a function of events alone."""

    name: str
    tables: tuple[str, ...]
    handlers: Mapping[type[Event], Handler]

    async def apply(self, connection: AsyncConnection, recorded: RecordedEvent) -> None:
        handler = self.handlers.get(type(recorded.event))
        if handler is not None:
            await handler(connection, recorded)


APPEND_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:schema || '/append', 0))"


async def take_append_lock(connection: AsyncConnection, schema: str | None = None) -> None:
    """Wait for the schema's only writer to finish; held until the end of the transaction."""
    if schema is None:
        schema = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
    await connection.execute(text(APPEND_LOCK), {"schema": schema})
