"""Forgetting a person: personal fields in events become blank, and stay so for what comes later.

First the person is noted as erased: from then on what comes late is blanked before it is kept. What
is there already goes in steps.
"""

import json
from collections.abc import Collection
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.steps import Step

# What one step masks: some hundredths of a second. `BYTES` are those that are stored, mostly a
# tenth of what the events are; one event is masked however large it is.
EVENTS, BYTES = 200, 512 * 1024

_NOTE = "INSERT INTO erased_users (user_id) VALUES (:user_id) ON CONFLICT DO NOTHING"
_NEXT = """
SELECT after, count(*) AS events FROM (
    SELECT s.masked_to AS after, sum(e.size) OVER (ORDER BY e.position) - e.size AS before
    FROM (SELECT masked_to FROM erased_users WHERE user_id = :user_id) AS s, LATERAL (
        SELECT position, pg_column_size(data) AS size FROM events
        WHERE metadata ->> 'user_id' = CAST(:user_id AS text) AND position > s.masked_to
        ORDER BY position LIMIT :events
    ) AS e
) AS sized
WHERE before < :bytes GROUP BY after
"""
_MASK = "SELECT mask_personal_fields(:user_id, CAST(:blanks AS jsonb), :after, :events)"
_MASKED = "UPDATE erased_users SET masked_to = :last WHERE user_id = :user_id"


def erasing(user_id: UUID) -> Step:
    """The first step of every erasure, which notes the person."""
    return partial(note_erased, user_id=user_id)


def masking(types: EventTypes, user_id: UUID) -> Step:
    """The step that masks the next events of an erased person, in the order of their positions."""
    return partial(_mask_next, types=types, user_id=user_id)


async def note_erased(connection: AsyncConnection, user_id: UUID) -> bool:
    """Remember that the person is to be forgotten. False: that was all.

    The append lock keeps out what is being written about the person at this moment.
    """
    await take_append_lock(connection)
    await connection.execute(text(_NOTE), {"user_id": user_id})
    return False


async def _mask_next(connection: AsyncConnection, *, types: EventTypes, user_id: UUID) -> bool:
    """Under the append lock no event gets a position before the last one that was masked."""
    whose = {"user_id": user_id}
    found = await connection.execute(text(_NEXT), {**whose, "events": EVENTS, "bytes": BYTES})
    some = found.first()
    if some is None:
        return False
    blanks = json.dumps(types.blanks())
    values = {**whose, "blanks": blanks, "after": some.after, "events": some.events}
    last = await connection.scalar(text(_MASK), values)
    await masked_to(connection, user_id, last or some.after)
    return last is not None


async def masked_to(connection: AsyncConnection, user_id: UUID, position: int) -> None:
    """Note how far the masking has come."""
    await connection.execute(text(_MASKED), {"user_id": user_id, "last": position})


async def is_erased(connection: AsyncConnection, user_id: UUID) -> bool:
    found = await connection.scalar(
        text("SELECT true FROM erased_users WHERE user_id = :user_id"), {"user_id": user_id}
    )
    return bool(found)


async def erased_among(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these people who are erased."""
    found = await connection.execute(
        text("SELECT user_id FROM erased_users WHERE user_id = ANY(:ids)"), {"ids": list(ids)}
    )
    return set(found.scalars())
