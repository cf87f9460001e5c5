"""The row of a person's second factor and those of the recovery codes. The person is locked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.codes import bare
from services.auth.secret_tokens import digest
from shared.contracts.http.auth import SecondFactor

BEGUN_LIVES = timedelta(hours=1)  # a secret of which no code was given


async def state(connection: AsyncConnection, user_id: UUID) -> SecondFactor:
    rows = await connection.execute(
        text(
            "SELECT (SELECT enabled_at FROM second_factors WHERE user_id = :user_id),"
            " (SELECT count(*) FROM recovery_codes WHERE user_id = :user_id) AS recovery_codes_left"
        ),
        {"user_id": user_id},
    )
    return SecondFactor(**rows.mappings().one())


async def is_on(connection: AsyncConnection, user_id: UUID) -> bool:
    return (await state(connection, user_id)).enabled_at is not None


async def begin(connection: AsyncConnection, user_id: UUID, secret: bytes, now: datetime) -> None:
    """Keep an encrypted secret that counts for nothing yet, instead of one that was begun."""
    await connection.execute(
        text(
            "INSERT INTO second_factors (user_id, secret, begun_at)"
            " VALUES (:user_id, :secret, :now) ON CONFLICT (user_id) DO UPDATE"
            " SET secret = :secret, begun_at = :now WHERE second_factors.enabled_at IS NULL"
        ),
        {"user_id": user_id, "secret": secret, "now": now},
    )


async def enable(connection: AsyncConnection, user_id: UUID, now: datetime) -> None:
    await connection.execute(
        text("UPDATE second_factors SET enabled_at = :now WHERE user_id = :user_id"),
        {"user_id": user_id, "now": now},
    )


async def remove(connection: AsyncConnection, user_id: UUID) -> None:
    """Also the recovery codes go."""
    await connection.execute(
        text("DELETE FROM second_factors WHERE user_id = :user_id"), {"user_id": user_id}
    )


async def secret(
    connection: AsyncConnection, user_id: UUID, now: datetime, *, begun: bool = False
) -> bytes | None:
    """The encrypted secret of a factor that is on, or of one that was `begun` a moment ago."""
    found: bytes | None = await connection.scalar(
        text(
            "SELECT secret FROM second_factors WHERE user_id = :user_id"
            " AND (enabled_at IS NULL) = :begun AND (enabled_at IS NOT NULL OR begun_at > :oldest)"
        ),
        {"user_id": user_id, "begun": begun, "oldest": now - BEGUN_LIVES},
    )
    return found


async def use_step(connection: AsyncConnection, user_id: UUID, step: int) -> bool:
    """False where a code of this time step, or of a later one, was used before."""
    used = await connection.scalar(
        text(
            "UPDATE second_factors SET last_step = :step"
            " WHERE user_id = :user_id AND last_step < :step RETURNING true"
        ),
        {"user_id": user_id, "step": step},
    )
    return bool(used)


async def keep_recovery_codes(
    connection: AsyncConnection, user_id: UUID, codes: Sequence[str]
) -> None:
    """Those of before are worth nothing from now on."""
    await connection.execute(
        text("DELETE FROM recovery_codes WHERE user_id = :user_id"), {"user_id": user_id}
    )
    await connection.execute(
        text(
            "INSERT INTO recovery_codes (user_id, code_hash) SELECT"
            " CAST(:user_id AS uuid), unnest(CAST(:hashes AS bytea[]))"
        ),
        {"user_id": user_id, "hashes": [digest(bare(code)) for code in codes]},
    )


async def use_recovery_code(connection: AsyncConnection, user_id: UUID, code: str) -> bool:
    used = await connection.scalar(
        text(
            "DELETE FROM recovery_codes WHERE user_id = :user_id AND code_hash = :hash"
            " RETURNING true"
        ),
        {"user_id": user_id, "hash": digest(code)},
    )
    return bool(used)
