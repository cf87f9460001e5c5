"""Which messages a consumer has had, so that one that comes again has no second effect."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


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
