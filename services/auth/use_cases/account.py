"""Reads accounts."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.tables import users
from shared.contracts.http.auth import Account, Contact, DeliveryAddress, Preferences
from shared.errors import NotFound


async def account(connection: AsyncConnection, user_id: UUID) -> Account:
    return Account(**await _profile(connection, user_id))


async def preferences(connection: AsyncConnection, user_id: UUID) -> Preferences:
    return Preferences(**await _profile(connection, user_id))


async def delivery_address(connection: AsyncConnection, user_id: UUID) -> DeliveryAddress:
    return DeliveryAddress(**await _profile(connection, user_id))


async def contacts(connection: AsyncConnection, user_ids: list[UUID]) -> list[Contact]:
    """Those who exist."""
    return [Contact(**row) for row in await users.find_contacts(connection, user_ids)]


async def _profile(connection: AsyncConnection, user_id: UUID) -> dict[str, Any]:
    """Raises `NotFound`."""
    profile = await users.find_profile(connection, user_id)
    if profile is None:
        raise NotFound
    return profile
