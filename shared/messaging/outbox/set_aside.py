"""Events that the relay could not publish and passed by: the table `set_aside`.

Each is tried again after `RetrySchedule.first`, then after as long again as it has been set aside,
at last every `RetrySchedule.longest`: a broker that has just started may know its queues a moment
later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Unavailable
from shared.eventsourcing.pages import Row, read_page

LIST_LIMIT = 1000  # events

_NOTE = text("""
INSERT INTO set_aside (position, reason)
SELECT * FROM unnest(CAST(:positions AS bigint[]), CAST(:reasons AS text[]))
ON CONFLICT (position) DO UPDATE SET reason = excluded.reason, tried_at = clock_timestamp()
""")

_RELEASE = text("""
DELETE FROM set_aside WHERE position = ANY(:positions)
""")

_DUE = text("""
SELECT position FROM set_aside
WHERE tried_at < :requested OR clock_timestamp() - tried_at
    >= least(greatest(tried_at - noted_at, make_interval(secs => :first)),
             make_interval(secs => :longest))
ORDER BY position LIMIT :limit
""")

_REASONS = text("""
SELECT position, reason FROM set_aside WHERE position = ANY(:positions)
""")

_LIST = text("""
SELECT position, event_id, type, stream_id, reason, noted_at, tried_at
FROM set_aside JOIN events USING (position) ORDER BY position LIMIT :limit
""")

_ANY = text("""
SELECT EXISTS (SELECT FROM set_aside)
""")

_COUNT = text("""
SELECT count(*) FROM set_aside
""")

_ANY_UNTRIED = text("""
SELECT EXISTS (SELECT FROM set_aside WHERE tried_at < :since)
""")

_NOW = text("""
SELECT clock_timestamp()
""")

_NOTIFY = text("""
SELECT pg_notify(:channel, :since)
""")


class EventsSetAside(Unavailable):
    code = "events_set_aside"


class RetrySchedule(NamedTuple):
    """Seconds until an event is tried again: at first, and at most."""

    first: float
    longest: float


RETRY_SCHEDULE = RetrySchedule(1.0, 30.0)


def channel(schema: str) -> str:
    """Where a NOTIFY asks the relay to try again what was last tried before the time it names."""
    return f"set_aside_{schema}"


async def note(connection: AsyncConnection, reasons: Mapping[int, str]) -> None:
    """Set events aside, by position, or note that another try has failed."""
    if reasons:
        values = {"positions": list(reasons), "reasons": list(reasons.values())}
        await connection.execute(_NOTE, values)


async def release(connection: AsyncConnection, positions: Sequence[int]) -> None:
    """Delete events that are published by now."""
    if positions:
        await connection.execute(_RELEASE, {"positions": list(positions)})


async def read_due(
    connection: AsyncConnection,
    requested: datetime,
    limit: int,
    schedule: RetrySchedule = RETRY_SCHEDULE,
) -> tuple[Sequence[Row], dict[int, str]]:
    """The next events to be tried again, and by position why each is set aside.

    All that were tried before an operator `requested` a retry are due.
    """
    values = {"requested": requested, "limit": limit, **schedule._asdict()}
    due = (await connection.scalars(_DUE, values)).all()
    if not due:
        return [], {}
    condition = "e.position = ANY(:due)"
    rows = await read_page(connection, "events", condition, {"due": due}, 0, limit)
    positions = [row.position for row in rows]
    found = await connection.execute(_REASONS, {"positions": positions})
    return rows, {row.position: row.reason for row in found}


async def has_any(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(_ANY))


async def count(connection: AsyncConnection) -> int:
    return await connection.scalar(_COUNT) or 0


async def list_events(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The first `LIST_LIMIT` events, in the order of their positions."""
    rows = await connection.execute(_LIST, {"limit": LIST_LIMIT})
    return [dict(row) for row in rows.mappings()]


async def request_retry(connection: AsyncConnection, schema: str) -> datetime:
    """Ask the relay to try all events at once; return the time of the request."""
    since: datetime = (await connection.execute(_NOW)).scalar_one()
    await connection.execute(_NOTIFY, {"channel": channel(schema), "since": since.isoformat()})
    return since


async def is_any_untried(connection: AsyncConnection, since: datetime) -> bool:
    """Whether an event was last tried before that time."""
    return bool(await connection.scalar(_ANY_UNTRIED, {"since": since}))
