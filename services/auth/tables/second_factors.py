"""Table `second_factors`: a person's encrypted secret. The person is locked."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.http.auth import SecondFactor

UNCONFIRMED_LIFETIME = timedelta(hours=1)  # of a secret for which no code was given yet

_FIND_STATE = text("""
SELECT (SELECT enabled_at FROM second_factors WHERE user_id = :user_id),
       (SELECT count(*) FROM recovery_codes WHERE user_id = :user_id) AS recovery_codes_left
""")
_INSERT = text("""
INSERT INTO second_factors (user_id, secret, begun_at) VALUES (:user_id, :secret, :now)
ON CONFLICT (user_id) DO UPDATE SET secret = :secret, begun_at = :now
WHERE second_factors.enabled_at IS NULL
""")
_SET_ENABLED = text("UPDATE second_factors SET enabled_at = :now WHERE user_id = :user_id")
_DELETE = text("DELETE FROM second_factors WHERE user_id = :user_id")
_FIND_SECRET = text("""
SELECT secret FROM second_factors
WHERE user_id = :user_id AND (enabled_at IS NULL) = :unconfirmed
  AND (enabled_at IS NOT NULL OR begun_at > :oldest)
""")
_USE_STEP = text("""
UPDATE second_factors SET last_step = :step
WHERE user_id = :user_id AND last_step < :step RETURNING true
""")


async def find_state(connection: AsyncConnection, user_id: UUID) -> SecondFactor:
    row = (await connection.execute(_FIND_STATE, {"user_id": user_id})).mappings().one()
    return SecondFactor(**row)


async def is_enabled(connection: AsyncConnection, user_id: UUID) -> bool:
    return (await find_state(connection, user_id)).enabled_at is not None


async def insert(connection: AsyncConnection, user_id: UUID, secret: bytes, now: datetime) -> None:
    """Store a secret that is not confirmed, in place of another unconfirmed one."""
    await connection.execute(_INSERT, {"user_id": user_id, "secret": secret, "now": now})


async def set_enabled(connection: AsyncConnection, user_id: UUID, now: datetime) -> None:
    await connection.execute(_SET_ENABLED, {"user_id": user_id, "now": now})


async def delete(connection: AsyncConnection, user_id: UUID) -> None:
    """The recovery codes are deleted with it."""
    await connection.execute(_DELETE, {"user_id": user_id})


async def find_secret(
    connection: AsyncConnection, user_id: UUID, now: datetime, *, unconfirmed: bool = False
) -> bytes | None:
    """The secret that is enabled, or the `unconfirmed` one unless it has expired."""
    values = {
        "user_id": user_id,
        "unconfirmed": unconfirmed,
        "oldest": now - UNCONFIRMED_LIFETIME,
    }
    found: bytes | None = await connection.scalar(_FIND_SECRET, values)
    return found


async def use_step(connection: AsyncConnection, user_id: UUID, step: int) -> bool:
    """False when a code of this time step, or of a later one, was used before."""
    return bool(await connection.scalar(_USE_STEP, {"user_id": user_id, "step": step}))
