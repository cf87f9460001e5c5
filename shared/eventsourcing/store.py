"""The event store of one service: append, load a stream, read all events in pages."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.context import causation_id, correlation_id
from shared.db.commits import TRACE, Trace
from shared.errors import ConcurrencyConflict
from shared.eventsourcing.event import Event, EventTypes, Metadata, RecordedEvent
from shared.eventsourcing.pages import COLUMNS, Row, read_page, readable
from shared.eventsourcing.projection import Projection
from shared.ids import new_id
from shared.json_text import with_member

PAGE = 2000  # events

_OF_TYPES = "e.type = ANY(:names)"

_LOAD = text(f"""
SELECT {COLUMNS}, e.data::text AS data, e.metadata::text AS metadata FROM events AS e
JOIN unnest(CAST(:streams AS text[]), CAST(:after AS int[])) AS s (stream_id, after)
ON e.stream_id = s.stream_id AND e.version > s.after ORDER BY e.version
""")  # noqa: S608 - constants only

# Takes the append lock, checks versions, inserts and notifies, in one round trip.
_APPEND = text("""
SELECT at_position, id, at_time, CAST(pg_current_xact_id() AS text) AS xid
FROM append_events(CAST(:streams AS text[]), CAST(:versions AS int[]), CAST(:new AS jsonb))
""")


class Batch(NamedTuple):
    """Events for one stream that must still be at `expected_version`; 0 = a stream not begun.

    `caused_by` says what led to them where that is not what the current task is working for.
    """

    stream_id: str
    expected_version: int
    events: Sequence[Event]
    caused_by: Metadata | None = None


class EventStore:
    """The `events` table of the connection's schema, and the projections that follow it."""

    def __init__(self, types: EventTypes, projections: Sequence[Projection] = ()) -> None:
        """Take every type that may be stored and the service's own projections."""
        self.types = types
        self.projections = projections

    async def append(
        self,
        connection: AsyncConnection,
        stream_id: str,
        expected_version: int,
        events: Sequence[Event],
    ) -> list[RecordedEvent]:
        """Store the events after `expected_version` and bring the projections along.

        Raises:
            ConcurrencyConflict: the stream has moved on.
        """
        return await self.append_many(connection, [Batch(stream_id, expected_version, events)])

    async def append_many(
        self, connection: AsyncConnection, batches: Sequence[Batch]
    ) -> list[RecordedEvent]:
        """Like `append`, for several streams in one transaction: all of them or none."""
        batches = [batch for batch in batches if batch.events]
        if not batches:
            return []
        recorded = await _append(connection, batches)
        for projection in self.projections:
            await projection.apply(connection, recorded)
        return recorded

    async def load(
        self, connection: AsyncConnection, stream_id: str, after: int = 0
    ) -> list[RecordedEvent]:
        """The events of a stream after a version of it.

        Raises:
            UnreadableRowError: one can't be read; nothing can be decided without it.
        """
        return [row.event(self.types) for row in await self.rows(connection, stream_id, after)]

    async def load_many(
        self, connection: AsyncConnection, stream_ids: Sequence[str]
    ) -> dict[str, list[RecordedEvent]]:
        """The events of each of these streams; raises like `load`."""
        found: dict[str, list[RecordedEvent]] = {stream_id: [] for stream_id in stream_ids}
        for row in await self.rows_of(connection, dict.fromkeys(found, 0)):
            found[row.stream_id].append(row.event(self.types))
        return found

    async def rows(
        self, connection: AsyncConnection, stream_id: str, after: int = 0
    ) -> Sequence[Row]:
        """Like `load`, as rows, each of which can be read or skipped by itself."""
        return await self.rows_of(connection, {stream_id: after})

    async def rows_of(self, connection: AsyncConnection, after: Mapping[str, int]) -> Sequence[Row]:
        """Like `rows` of many streams, each after its version, in the order of versions."""
        values = {"streams": list(after), "after": list(after.values())}
        rows = await connection.execute(_LOAD, values)
        return [Row(**row) for row in rows.mappings()]

    async def read_page(
        self, connection: AsyncConnection, after: int, limit: int, names: Sequence[str]
    ) -> list[RecordedEvent]:
        """At most `limit` events of the named types after a position, in position order.

        Raises:
            UnreadableRowError: one of them can't be read.
        """
        rows = await read_page(
            connection, "events", _OF_TYPES, {"names": list(names)}, after, limit
        )
        return [row.event(self.types) for row in rows]

    async def read_pages(
        self, connection: AsyncConnection, after: int = 0
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """Every event after a position, page by page.

        Raises:
            UnreadableRowError: at an event that can't be read; begin again after its position.
        """
        named = {"names": self.types.names()}
        while page := await read_page(connection, "events", _OF_TYPES, named, after, PAGE):
            events = readable(page, self.types)
            yield events
            after = events[-1].position


async def _append(connection: AsyncConnection, batches: Sequence[Batch]) -> list[RecordedEvent]:
    new = {
        new_id(): (
            batch.stream_id,
            batch.expected_version + number,
            event,
            metadata_of(event, batch.caused_by),
        )
        for batch in batches
        for number, event in enumerate(batch.events, start=1)
    }
    rows = [_row(place, event_id, *fields) for place, (event_id, fields) in enumerate(new.items())]
    values = {
        "streams": [batch.stream_id for batch in batches],
        "versions": [batch.expected_version for batch in batches],
        "new": f"[{','.join(rows)}]",
    }
    stored = (await connection.execute(_APPEND, values)).all()
    if not stored:
        raise ConcurrencyConflict
    recorded = [
        RecordedEvent(row.at_position, row.id, *new[row.id], row.at_time)
        for row in sorted(stored, key=lambda row: int(row.at_position))
    ]
    connection.info[TRACE] = Trace(stored[0].xid, recorded[-1].event_id)
    return recorded


def _row(
    place: int, event_id: UUID, stream_id: str, version: int, event: Event, metadata: Metadata
) -> str:
    fields = {
        "place": place,
        "event_id": str(event_id),
        "stream_id": stream_id,
        "version": version,
        "type": event.type_name(),
        "schema_version": event.schema_version,
        "metadata": metadata.to_json(),
    }
    return with_member(json.dumps(fields), "data", event.model_dump_json())


def metadata_of(event: Event, caused_by: Metadata | None = None) -> Metadata:
    """Whose the event is, and what led to it: `caused_by`, or what the task is working for."""
    cause = caused_by or Metadata(
        correlation_id=correlation_id.get(),
        causation_id=causation_id.get(),
        traceparent=telemetry.traceparent(),
    )
    return replace(cause, user_id=getattr(event, "user_id", None))
