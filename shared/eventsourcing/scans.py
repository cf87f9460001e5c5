"""Scans of the events of some types, which look at a bounded number of rows at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.pages import Row, read_page

SCAN_ROWS = 10_000  # looked at for those that are wanted

_UNTIL = text("""
SELECT max(position) FROM (
    SELECT position FROM events WHERE position > :after ORDER BY position LIMIT :scan) AS step
""")

_LIST = text("""
SELECT position, event_id, recorded_at FROM events
WHERE position > :after AND position <= :until AND type = ANY(:names)
ORDER BY position LIMIT :limit
""")


class Scan(NamedTuple):
    """Rows, and the position up to which there are no others of their kind."""

    rows: Sequence[Row]
    reached: int


async def scan(
    connection: AsyncConnection,
    private: Sequence[str],
    after: int,
    limit: int,
    scan_rows: int = SCAN_ROWS,
) -> Scan:
    """The next events after a position that are not of the private types.

    It looks at no more than `scan_rows` rows, however few of them are wanted; nothing follows once
    it gets no further.
    """
    until = await connection.scalar(_UNTIL, {"after": after, "scan": scan_rows}) or after
    condition = "e.position <= :until AND e.type <> ALL(:private)"
    values = {"until": until, "private": list(private)}
    rows = await read_page(connection, "events", condition, values, after, limit)
    return Scan(rows, rows[-1].position if rows else until)


class ListedEvent(NamedTuple):
    """An event by its name alone."""

    position: int
    event_id: UUID
    recorded_at: datetime


class Listing(NamedTuple):
    """Events, and the position up to which there are no others of their types."""

    events: Sequence[ListedEvent]
    reached: int


async def list_events(
    connection: AsyncConnection, names: Sequence[str], after: int, until: int, limit: int
) -> Listing:
    """The next events of the named types after a position, up to another one.

    Like `scan` it looks at no more than `SCAN_ROWS` rows, and at nothing that is in them.
    """
    end = await connection.scalar(_UNTIL, {"after": after, "scan": SCAN_ROWS}) or after
    values = {"after": after, "until": min(end, until), "names": list(names), "limit": limit}
    found = await connection.execute(_LIST, values)
    events = [ListedEvent(*row) for row in found]
    if len(events) == limit:
        return Listing(events, events[-1].position)
    return Listing(events, max(after, min(end, until)))
