"""A long history is masked in steps, after the answer to the person and whatever happens.

The rows that know the person are gone with the answer; what is left here are events.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.eventsourcing.erasure import masking, note_erased
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.projection import take_append_lock

EVERY = 60.0  # seconds between two looks; a copy that ended may have left something

_WAIT = """
UPDATE erased_users SET waiting_since = CASE WHEN :more THEN clock_timestamp() END
WHERE user_id = :user_id
"""
_NEXT = """
SELECT user_id FROM erased_users WHERE waiting_since IS NOT NULL ORDER BY waiting_since LIMIT 1
"""


async def begin(connection: AsyncConnection, types: EventTypes, user_id: UUID) -> None:
    """Note the person as erased and do the first step, after which most have nothing left."""
    await note_erased(connection, user_id)
    await _go_on(connection, types, user_id)


class Erasing:
    """The loop that goes on with erasures, a step of each in turn."""

    def __init__(self, database: Database, types: EventTypes) -> None:
        self._database, self._types = database, types

    async def step(self) -> bool:
        """Mask the next events of who has waited longest; False when nobody waits."""
        async with self._database.transaction() as connection:
            await take_append_lock(connection)
            user_id = await connection.scalar(text(_NEXT))
            if user_id is not None:
                await _go_on(connection, self._types, user_id)
        return user_id is not None


async def _go_on(connection: AsyncConnection, types: EventTypes, user_id: UUID) -> None:
    more = await masking(types, user_id)(connection)
    await connection.execute(text(_WAIT), {"user_id": user_id, "more": more})
