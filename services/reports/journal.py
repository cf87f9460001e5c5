"""The table of all events received, in the order of receipt, from which projections are built."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import published_types
from shared.eventsourcing.erasure.masking import STEP_BYTES, STEP_EVENTS, record_masked_position
from shared.eventsourcing.erasure.steps import Step
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.pages import read_page, readable
from shared.eventsourcing.projection import execute_each

PAGE = 2000  # events
# A notification has at most 8,000 bytes, a user takes 33 of them.
MAX_USERS_IN_NOTIFICATION = 200
TYPES = published_types()

_INSERT = text("""
INSERT INTO journal (event_id, stream_id, version, type, schema_version, user_id, data, metadata,
                     recorded_at)
VALUES (:event_id, :stream_id, :version, :type, :schema_version, :user_id, CAST(:data AS jsonb),
        CAST(:metadata AS jsonb), :recorded_at)
""")

# `UserErased` is read, too: a rebuild may have read events of the user before their erasure.
_READABLE = """
(e.type = 'UserErased' OR NOT EXISTS (SELECT FROM erased_users AS x WHERE x.user_id = e.user_id))
"""

_NOTIFY = text("""
SELECT pg_notify('journal_' || current_schema(), :users)
""")

_NEXT_TO_MASK = text("""
SELECT after, max(position) AS last FROM (
    SELECT s.masked_to AS after, e.position,
           sum(e.size) OVER (ORDER BY e.position) - e.size AS before
    FROM (SELECT masked_to FROM erased_users WHERE user_id = :user_id) AS s, LATERAL (
        SELECT position, pg_column_size(data) AS size FROM journal
        WHERE user_id = :user_id AND position > s.masked_to ORDER BY position LIMIT :events
    ) AS e
) AS sized
WHERE before < :bytes GROUP BY after
""")

_MASK = text("""
UPDATE journal SET data = data || (CAST(:blanks AS jsonb) -> type)
WHERE user_id = :user_id AND position > :after AND position <= :last
  AND CAST(:blanks AS jsonb) ? type AND data <> data || (CAST(:blanks AS jsonb) -> type)
""")

_CONTAINS = text("""
SELECT true FROM journal WHERE event_id = :event_id
""")

_LAST_POSITION = text("""
SELECT max(position) FROM journal
""")


async def record(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Insert the events and notify the listeners at the commit.

    The caller has the append lock, so that positions are in the order of commits.
    """
    await execute_each(connection, _INSERT, [_values(recorded) for recorded in events])
    if users := users_in(events):
        await connection.execute(_NOTIFY, {"users": _payload(users)})


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    event = recorded.event
    return {
        "event_id": recorded.event_id,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "type": event.type_name(),
        "schema_version": event.schema_version,
        "user_id": user_of(recorded),
        "data": event.model_dump_json(),
        "metadata": json.dumps(recorded.metadata.to_json()),
        "recorded_at": recorded.recorded_at,
    }


def _payload(users: Collection[UUID]) -> str:
    """The ids of the users concerned; empty where it may concern everybody."""
    if len(users) > MAX_USERS_IN_NOTIFICATION:
        return ""
    return ",".join(user_id.hex for user_id in users)


def user_of(recorded: RecordedEvent) -> UUID | None:
    """The user whose data the event has."""
    user_id: UUID | None = getattr(recorded.event, "user_id", recorded.metadata.user_id)
    return user_id


def users_in(events: Sequence[RecordedEvent]) -> set[UUID]:
    """The users whose data the events have."""
    return {user_id for recorded in events if (user_id := user_of(recorded)) is not None}


def masked(recorded: RecordedEvent) -> RecordedEvent:
    """The event without personal data."""
    return replace(recorded, event=recorded.event.masked())


def masking(user_id: UUID) -> Step:
    """The step that masks the next events of an erased user."""
    return partial(_mask_next, user_id=user_id)


async def _mask_next(connection: AsyncConnection, *, user_id: UUID) -> bool:
    limits = {"user_id": user_id, "events": STEP_EVENTS, "bytes": STEP_BYTES}
    found = (await connection.execute(_NEXT_TO_MASK, limits)).first()
    if found is None:
        return False
    values = {"after": found.after, "last": found.last, "blanks": json.dumps(TYPES.blanks())}
    await connection.execute(_MASK, {"user_id": user_id, **values})
    await record_masked_position(connection, user_id, found.last)
    return True


async def history(
    connection: AsyncConnection, after: int = 0
) -> AsyncIterator[Sequence[RecordedEvent]]:
    """All events after a position, without those of erased users, page by page.

    Raises:
        UnreadableRowError: an event can't be read; the caller may begin again after its position.
    """
    while page := await read_page(connection, "journal", _READABLE, {}, after, PAGE):
        events = readable(page, TYPES)
        yield events
        after = events[-1].position


async def contains(connection: AsyncConnection, event_id: UUID) -> bool:
    return bool(await connection.scalar(_CONTAINS, {"event_id": event_id}))


async def last_position(connection: AsyncConnection) -> int:
    return await connection.scalar(_LAST_POSITION) or 0
