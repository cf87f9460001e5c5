"""Every event received, in the order of receipt: what all projections are built from."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import published_types
from shared.eventsourcing.erasure import BYTES, EVENTS, masked_to
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.pages import read_page, readable
from shared.eventsourcing.projection import execute_each
from shared.eventsourcing.steps import Step

PAGE = 2000  # events
# A notification has less than 8,000 bytes, a person 33 of them.
MOST_NAMED = 200
TYPES = published_types()

_INSERT = text("""
INSERT INTO journal (event_id, stream_id, version, type, schema_version, user_id, data, metadata,
                     recorded_at)
VALUES (:event_id, :stream_id, :version, :type, :schema_version, :user_id, CAST(:data AS jsonb),
        CAST(:metadata AS jsonb), :recorded_at)
""")

# An erasure stays readable: a rebuild that has read something of the person must hear of it.
_TOLD = """
(e.type = 'UserErased' OR NOT EXISTS (SELECT FROM erased_users AS x WHERE x.user_id = e.user_id))
"""

_NOTIFY = text("""
SELECT pg_notify('journal_' || current_schema(), :people)
""")

_NEXT = text("""
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

_HOLDS = text("""
SELECT true FROM journal WHERE event_id = :event_id
""")

_LAST_POSITION = text("""
SELECT max(position) FROM journal
""")


async def note(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Write the events down. The caller has the append lock, so that positions follow commits."""
    await execute_each(connection, _INSERT, [_values(recorded) for recorded in events])
    if people := people_in(events):
        await connection.execute(_NOTIFY, {"people": naming(people)})


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    event = recorded.event
    return {
        "event_id": recorded.event_id,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "type": event.type_name(),
        "schema_version": event.schema_version,
        "user_id": person(recorded),
        "data": event.model_dump_json(),
        "metadata": json.dumps(recorded.metadata.to_json()),
        "recorded_at": recorded.recorded_at,
    }


def naming(people: Collection[UUID]) -> str:
    """What a notification says about whom it concerns; nothing: it may concern everybody."""
    return ",".join(whose.hex for whose in people) if len(people) <= MOST_NAMED else ""


def person(recorded: RecordedEvent) -> UUID | None:
    """Whose data the event holds."""
    user_id: UUID | None = getattr(recorded.event, "user_id", recorded.metadata.user_id)
    return user_id


def people_in(events: Sequence[RecordedEvent]) -> set[UUID]:
    """Whose data the events hold."""
    return {whose for recorded in events if (whose := person(recorded)) is not None}


def masked(recorded: RecordedEvent) -> RecordedEvent:
    """The same with a masked event."""
    return replace(recorded, event=recorded.event.masked())


def masking(user_id: UUID) -> Step:
    """The step that masks what is noted next about an erased person."""
    return partial(_mask_next, user_id=user_id)


async def _mask_next(connection: AsyncConnection, *, user_id: UUID) -> bool:
    whose = {"user_id": user_id}
    found = await connection.execute(_NEXT, {**whose, "events": EVENTS, "bytes": BYTES})
    some = found.first()
    if some is None:
        return False
    values = {**whose, "after": some.after, "last": some.last, "blanks": json.dumps(TYPES.blanks())}
    await connection.execute(_MASK, values)
    await masked_to(connection, user_id, some.last)
    return True


async def history(
    connection: AsyncConnection, after: int = 0
) -> AsyncIterator[Sequence[RecordedEvent]]:
    """Every event after a position, without those of erased people, page by page.

    Raises:
        UnreadableRowError: at an event that can't be read; begin again after its position.
    """
    while page := await read_page(connection, "journal", _TOLD, {}, after, PAGE):
        events = readable(page, TYPES)
        yield events
        after = events[-1].position


async def holds(connection: AsyncConnection, event_id: UUID) -> bool:
    return bool(await connection.scalar(_HOLDS, {"event_id": event_id}))


async def last_position(connection: AsyncConnection) -> int:
    return await connection.scalar(_LAST_POSITION) or 0
