"""Pages of rows of an event table, which can be read as events one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import (
    EventTypes,
    Metadata,
    RecordedEvent,
    UnknownEventVersionError,
    UnreadableEventError,
    UnreadableRowError,
)

PAGE_BYTES = 16 * 1024 * 1024  # of a page; its first row may be larger
# A message is at most half of it; Postgres writes JSON with spaces. What is larger stays there.
MAX_ROW_BYTES = 8 * 1024 * 1024

COLUMNS = """
e.position, e.event_id, e.stream_id, e.version, e.type, e.schema_version, e.recorded_at"""

# Looks at the next row only while there is room: no page costs more than one row beyond itself.
# What is stored takes `pg_column_size`, compressed; too much of it is not even unpacked.
_PAGE = """
WITH RECURSIVE page (position, size, number, total) AS (
    SELECT CAST(:after AS bigint), 0, 0, CAST(0 AS bigint)
    UNION ALL
    SELECT next.position, next.size, page.number + 1, page.total + next.size
    FROM page CROSS JOIN LATERAL (
        SELECT e.position, CASE
            WHEN pg_column_size(e.data) + pg_column_size(e.metadata) > :most
            THEN pg_column_size(e.data) + pg_column_size(e.metadata)
            ELSE octet_length(e.data::text) + octet_length(e.metadata::text) END AS size
        FROM {table} AS e WHERE e.position > page.position AND {condition}
        ORDER BY e.position LIMIT 1
    ) AS next
    WHERE page.number < :limit AND (page.number = 0 OR page.total + next.size <= :bytes)
)
SELECT {columns},
       CASE WHEN page.size <= :most THEN e.data::text END AS data,
       CASE WHEN page.size <= :most THEN e.metadata::text END AS metadata
FROM page JOIN {table} AS e ON e.position = page.position
WHERE page.number > 0 ORDER BY e.position
"""


@dataclass(frozen=True)
class Row:
    """An event as it is stored. `data` and `metadata` are JSON, None where they are too large."""

    position: int
    event_id: UUID
    stream_id: str
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    data: str | None
    metadata: str | None

    def event(self, types: EventTypes) -> RecordedEvent:
        """Build the event.

        Raises:
            UnreadableRowError: it can't be built, whatever the cause.
        """
        try:
            return self._event(types)
        except (UnreadableEventError, UnknownEventVersionError) as error:
            raise UnreadableRowError(self.position, str(error)) from None
        except Exception as error:  # noqa: BLE001 - too many brackets, broken ids
            reason = f"{self.type}: broken data ({type(error).__name__})"
            raise UnreadableRowError(self.position, reason) from None

    def _event(self, types: EventTypes) -> RecordedEvent:
        if self.data is None or self.metadata is None:
            raise UnreadableEventError(f"{self.type}: larger than {MAX_ROW_BYTES} bytes")
        if not types.known(self.type):
            raise UnreadableEventError(f"{self.type}: unknown type")
        return RecordedEvent(
            self.position,
            self.event_id,
            self.stream_id,
            self.version,
            types.read_json(self.type, self.schema_version, self.data),
            Metadata.from_json(from_json(self.metadata)),
            self.recorded_at,
        )


async def read_page(
    connection: AsyncConnection,
    table: str,
    condition: str,
    values: Mapping[str, Any],
    after: int,
    limit: int,
    max_bytes: int | None = None,
) -> Sequence[Row]:
    """The next rows after a position, at most `limit` of them and of `max_bytes` (`PAGE_BYTES`).

    There is at least one, however large, if any row follows.

    `condition` is SQL about the table `e`, with `values` for its parameters, none of them named
    after, limit, bytes or most.
    """
    query = _PAGE.format(table=table, condition=condition, columns=COLUMNS)
    bounds = {
        "after": after,
        "limit": limit,
        "bytes": max_bytes or PAGE_BYTES,
        "most": MAX_ROW_BYTES,
    }
    rows = await connection.execute(text(query), {**values, **bounds})
    return [Row(**row) for row in rows.mappings()]


def readable(page: Sequence[Row], types: EventTypes) -> list[RecordedEvent]:
    """The events of a page up to the first that can't be read; at least one.

    Raises:
        UnreadableRowError: the first one can't be read.
    """
    events: list[RecordedEvent] = []
    for row in page:
        try:
            events.append(row.event(types))
        except UnreadableRowError:
            if not events:
                raise
            break
    return events
