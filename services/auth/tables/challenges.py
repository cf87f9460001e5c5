"""Table `challenges`: hashes of logins that wait for a code of the second factor."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.secret_tokens import digest
from shared.contracts.http.auth import SessionKind

_INSERT = text("""
INSERT INTO challenges (challenge_hash, user_id, kind, password_version, expires_at)
VALUES (:hash, :user_id, :kind, :password_version, :expires_at)
""")
_DELETE_OLDEST = text("""
DELETE FROM challenges WHERE challenge_hash IN (
    SELECT challenge_hash FROM challenges WHERE user_id = :user_id
    ORDER BY expires_at DESC OFFSET :kept
)
""")
_FIND = text("""
SELECT user_id, kind, password_version FROM challenges
WHERE challenge_hash = :hash AND expires_at > :now
""")
_DELETE = text("DELETE FROM challenges WHERE challenge_hash = :hash RETURNING true")


class PendingLogin(NamedTuple):
    """Who logs in, and for what kind of session."""

    user_id: UUID
    kind: SessionKind
    password_version: int


async def insert(
    connection: AsyncConnection, token: str, login: PendingLogin, expires_at: datetime
) -> None:
    values = {"hash": digest(token), **login._asdict(), "expires_at": expires_at}
    await connection.execute(_INSERT, values)


async def delete_oldest(connection: AsyncConnection, user_id: UUID, kept: int) -> None:
    """Keep the `kept` newest ones of a person, who is locked."""
    await connection.execute(_DELETE_OLDEST, {"user_id": user_id, "kept": kept})


async def find(connection: AsyncConnection, token: str, now: datetime) -> PendingLogin | None:
    row = (await connection.execute(_FIND, {"hash": digest(token), "now": now})).first()
    return PendingLogin(*row) if row else None


async def delete(connection: AsyncConnection, token: str) -> bool:
    """False when another transaction has deleted it."""
    return bool(await connection.scalar(_DELETE, {"hash": digest(token)}))
