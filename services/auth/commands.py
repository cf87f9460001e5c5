"""What can be done with accounts."""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, register, stream
from shared.contracts.auth import Language
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id


async def register_user(
    connection: AsyncConnection,
    store: EventStore,
    *,
    email: str,
    password_hash: str,
    language: Language,
    now: datetime,
) -> UUID | None:
    """Make an account; None when the address has one, which the caller must not tell."""
    user_id = await connection.scalar(
        text(
            "INSERT INTO users (user_id, email, password_hash, language, created_at)"
            " VALUES (:user_id, :email, :password_hash, :language, :now)"
            " ON CONFLICT (email) DO NOTHING RETURNING user_id"
        ),
        {
            "user_id": new_id(),
            "email": email,
            "password_hash": password_hash,
            "language": language,
            "now": now,
        },
    )
    if user_id is None:
        return None
    decide = partial(register, user_id=user_id, language=language)
    await execute(connection, store, ACCOUNT, stream(user_id), decide)
    return UUID(str(user_id))
