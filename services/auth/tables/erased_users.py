"""Table `erased_users`, as far as only auth uses it: whose events are not masked completely yet."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SET_WAITING = text("""
UPDATE erased_users SET waiting_since = CASE WHEN :waits THEN clock_timestamp() END
WHERE user_id = :user_id
""")
_FIND_NEXT = text("""
SELECT user_id FROM erased_users WHERE waiting_since IS NOT NULL ORDER BY waiting_since LIMIT 1
""")


async def set_waiting(connection: AsyncConnection, user_id: UUID, *, waits: bool) -> None:
    """Put the person at the end of the queue, or remove them from it."""
    await connection.execute(_SET_WAITING, {"user_id": user_id, "waits": waits})


async def find_next(connection: AsyncConnection) -> UUID | None:
    """The person who has waited longest."""
    user_id: UUID | None = await connection.scalar(_FIND_NEXT)
    return user_id
