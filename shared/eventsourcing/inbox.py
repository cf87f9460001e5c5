"""Which messages a consumer has had, so that one that comes again has no second effect."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The feed keeps a week, and a queue delivers again as soon as its consumer is there.
REMEMBERED = timedelta(days=30)
PRUNED_AT_ONCE = 10_000  # rows; some hundredths of a second

_PRUNE = """
DELETE FROM inbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM inbox
    WHERE consumer = :consumer AND received_at < now() - CAST(:remembered AS interval)
    LIMIT :rows
))
"""


class DigestMismatchError(Exception):
    """An id that was here before comes back with another body."""


async def is_new(connection: AsyncConnection, consumer: str, event_id: UUID, digest: bytes) -> bool:
    """Note the message; False when it was noted before.

    Raises:
        DigestMismatchError: the id is known, with another body.
    """
    result = await connection.execute(
        text(
            "INSERT INTO inbox (consumer, event_id, digest) VALUES (:consumer, :event_id, :digest)"
            " ON CONFLICT (consumer, event_id) DO NOTHING"
        ),
        {"consumer": consumer, "event_id": event_id, "digest": digest},
    )
    if result.rowcount == 1:
        return True
    known = await connection.execute(
        text("SELECT digest FROM inbox WHERE consumer = :consumer AND event_id = :event_id"),
        {"consumer": consumer, "event_id": event_id},
    )
    if bytes(known.scalar_one()) != digest:
        raise DigestMismatchError(str(event_id))
    return False


async def prune(connection: AsyncConnection, consumer: str) -> int:
    """Forget messages older than anything that can still come again; how many, within a bound."""
    result = await connection.execute(
        text(_PRUNE), {"consumer": consumer, "remembered": REMEMBERED, "rows": PRUNED_AT_ONCE}
    )
    return result.rowcount
