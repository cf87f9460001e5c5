"""Which people are erased: the table `erased_users`."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.steps import Step

_MARK = text("""
INSERT INTO erased_users (user_id) VALUES (:user_id) ON CONFLICT DO NOTHING
""")

_IS_ERASED = text("""
SELECT true FROM erased_users WHERE user_id = :user_id
""")

_ERASED_AMONG = text("""
SELECT user_id FROM erased_users WHERE user_id = ANY(:ids)
""")


def marking_erased(user_id: UUID) -> Step:
    """The first step of every erasure."""
    return partial(mark_erased, user_id=user_id)


async def mark_erased(connection: AsyncConnection, user_id: UUID) -> bool:
    """Mark the person as erased. False: as a step it leaves nothing to do.

    The append lock keeps out what is being written about the person at this moment.
    """
    await take_append_lock(connection)
    await connection.execute(_MARK, {"user_id": user_id})
    return False


async def is_erased(connection: AsyncConnection, user_id: UUID) -> bool:
    return bool(await connection.scalar(_IS_ERASED, {"user_id": user_id}))


async def erased_among(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these people who are erased."""
    found = await connection.execute(_ERASED_AMONG, {"ids": list(ids)})
    return set(found.scalars())
