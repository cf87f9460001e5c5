"""Masks the personal fields of an erased person's events, in the order of their positions."""

import json
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.erasure.steps import Step
from shared.eventsourcing.event import EventTypes

# Bounds of one step, which takes some hundredths of a second. `STEP_BYTES` are those that are
# stored, mostly a tenth of what the events are; one event is masked however large it is.
STEP_EVENTS, STEP_BYTES = 200, 512 * 1024

_NEXT = text("""
SELECT after, count(*) AS events FROM (
    SELECT s.masked_to AS after, sum(e.size) OVER (ORDER BY e.position) - e.size AS before
    FROM (SELECT masked_to FROM erased_users WHERE user_id = :user_id) AS s, LATERAL (
        SELECT position, pg_column_size(data) AS size FROM events
        WHERE metadata ->> 'user_id' = CAST(:user_id AS text) AND position > s.masked_to
        ORDER BY position LIMIT :events
    ) AS e
) AS sized
WHERE before < :bytes GROUP BY after
""")

_MASK = text("""
SELECT mask_personal_fields(:user_id, CAST(:blanks AS jsonb), :after, :events)
""")

_RECORD_POSITION = text("""
UPDATE erased_users SET masked_to = :last WHERE user_id = :user_id
""")


def masking(types: EventTypes, user_id: UUID) -> Step:
    """The step that masks the next events of a person who is marked as erased."""
    return partial(_mask_next, types=types, user_id=user_id)


async def _mask_next(connection: AsyncConnection, *, types: EventTypes, user_id: UUID) -> bool:
    """Under the append lock no event gets a position before the last one that was masked."""
    bounds = {"events": STEP_EVENTS, "bytes": STEP_BYTES}
    some = (await connection.execute(_NEXT, {"user_id": user_id, **bounds})).first()
    if some is None:
        return False
    values = {
        "user_id": user_id,
        "blanks": json.dumps(types.blanks()),
        "after": some.after,
        "events": some.events,
    }
    last = await connection.scalar(_MASK, values)
    await record_masked_position(connection, user_id, last or some.after)
    return last is not None


async def record_masked_position(connection: AsyncConnection, user_id: UUID, position: int) -> None:
    """Record how far the masking has come."""
    await connection.execute(_RECORD_POSITION, {"user_id": user_id, "last": position})
