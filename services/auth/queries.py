"""What can be asked about accounts."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.http.auth import Account, Contact, DeliveryAddress, Preferences
from shared.errors import NotFound


async def account(connection: AsyncConnection, user_id: UUID) -> Account:
    return Account(**await _user(connection, user_id))


async def preferences(connection: AsyncConnection, user_id: UUID) -> Preferences:
    return Preferences(**await _user(connection, user_id))


async def contacts(connection: AsyncConnection, user_ids: Collection[UUID]) -> list[Contact]:
    """Of those who are not gone."""
    rows = await connection.execute(
        text(
            "SELECT user_id, ascii_email AS email, language, time_zone,"
            " email_confirmed_at IS NOT NULL AS confirmed FROM users WHERE user_id = ANY(:ids)"
        ),
        {"ids": list(user_ids)},
    )
    return [Contact(**row) for row in rows.mappings()]


async def delivery(connection: AsyncConnection, user_id: UUID) -> DeliveryAddress:
    return DeliveryAddress(**await _user(connection, user_id))


async def _user(connection: AsyncConnection, user_id: UUID) -> dict[str, Any]:
    rows = await connection.execute(
        text(
            "SELECT user_id, email, ascii_email, email_confirmed_at IS NOT NULL AS email_confirmed,"
            " pending_email, pending_ascii_email, language, time_zone, theme, mail_on_new_device,"
            " created_at FROM users WHERE user_id = :id"
        ),
        {"id": user_id},
    )
    found = rows.mappings().first()
    if found is None:
        raise NotFound
    return dict(found)
