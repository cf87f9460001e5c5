"""What can be asked about accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.auth import Language
from shared.errors import NotFound


class Account(BaseModel):
    """A user as the user sees it."""

    user_id: UUID
    email: str
    language: Language
    created_at: datetime


class Contact(BaseModel):
    """Where to reach a user, asked at the moment of sending and kept nowhere else."""

    user_id: UUID
    email: str
    language: Language


async def credentials(connection: AsyncConnection, email: str) -> tuple[UUID, str] | None:
    """Id and password hash of an address."""
    row = (
        await connection.execute(
            text("SELECT user_id, password_hash FROM users WHERE email = :email"), {"email": email}
        )
    ).first()
    return (row.user_id, row.password_hash) if row else None


async def account(connection: AsyncConnection, user_id: UUID) -> Account:
    return Account(**await _user(connection, user_id))


async def contact(connection: AsyncConnection, user_id: UUID) -> Contact:
    return Contact(**await _user(connection, user_id))


async def _user(connection: AsyncConnection, user_id: UUID) -> dict[str, Any]:
    found: RowMapping | None = (
        (
            await connection.execute(
                text("SELECT user_id, email, language, created_at FROM users WHERE user_id = :id"),
                {"id": user_id},
            )
        )
        .mappings()
        .first()
    )
    if found is None:
        raise NotFound
    return dict(found)
