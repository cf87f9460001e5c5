"""Forgetting a person: personal fields in events become blank, and stay so for what comes later."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import mask_person


async def erase_person(connection: AsyncConnection, types: EventTypes, user_id: UUID) -> bool:
    """Mask the user's events and remember that they are to be forgotten; False when that was done.

    The append lock keeps out what is being written about the person at this moment.
    """
    await take_append_lock(connection)
    new = await connection.scalar(
        text(
            "INSERT INTO erased_users (user_id) VALUES (:user_id)"
            " ON CONFLICT DO NOTHING RETURNING true"
        ),
        {"user_id": user_id},
    )
    await mask_person(connection, types, user_id)
    return bool(new)


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
