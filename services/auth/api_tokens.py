"""Tokens a person makes for programs: limited by scopes and in time, shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.secret_tokens import digest, new_secret
from shared.contracts.auth import Scope
from shared.contracts.http.auth import ApiToken
from shared.errors import Invalid
from shared.ids import new_id

PREFIX = "prv_"  # what scanners for leaked secrets look for
MOST = 50  # living ones of a person
_LAST_USE = timedelta(minutes=1)  # how exact the time of the last use is
_COLUMNS = "token_id AS id, name, scopes, created_at, expires_at, last_used_at, hint"


class TooManyTokens(Invalid):
    code = "too_many_tokens"


async def create(
    connection: AsyncConnection,
    user_id: UUID,
    *,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token; the person is locked, so that the limit holds. Raises `TooManyTokens`."""
    count = await connection.scalar(
        text("SELECT count(*) FROM api_tokens WHERE user_id = :user_id AND expires_at > :now"),
        {"user_id": user_id, "now": now},
    )
    if count is not None and count >= MOST:
        raise TooManyTokens(limit=MOST)
    secret = PREFIX + new_secret()
    rows = await connection.execute(
        text(
            "INSERT INTO api_tokens"  # noqa: S608 - the columns are a constant
            " (token_id, user_id, name, scopes, token_hash, hint, created_at, expires_at)"
            " VALUES (:token_id, :user_id, :name, :scopes, :hash, :hint, :now, :expires_at)"
            f" RETURNING {_COLUMNS}"
        ),
        {
            "token_id": new_id(),
            "user_id": user_id,
            "name": name,
            "scopes": sorted(set(scopes)),
            "hash": digest(secret),
            "hint": secret[-4:],
            "now": now,
            "expires_at": expires_at,
        },
    )
    return ApiToken(**rows.mappings().one()), secret


async def active(connection: AsyncConnection, user_id: UUID, now: datetime) -> Sequence[ApiToken]:
    """A person's tokens, the newest first."""
    rows = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM api_tokens WHERE user_id = :user_id"  # noqa: S608
            " AND expires_at > :now ORDER BY created_at DESC, token_id"
        ),
        {"user_id": user_id, "now": now},
    )
    return [ApiToken(**row) for row in rows.mappings()]


async def kept(connection: AsyncConnection, user_id: UUID) -> Sequence[ApiToken]:
    """All of a person that are kept, also those that have expired, the newest first."""
    rows = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM api_tokens WHERE user_id = :user_id"  # noqa: S608
            " ORDER BY created_at DESC, token_id"
        ),
        {"user_id": user_id},
    )
    return [ApiToken(**row) for row in rows.mappings()]


async def use(
    connection: AsyncConnection, secret: str, now: datetime
) -> tuple[UUID, UUID, list[Scope]] | None:
    """Id, owner and scopes of a living token, whose use is noted once a minute."""
    row = (
        await connection.execute(
            text(
                "SELECT token_id, user_id, scopes, last_used_at FROM api_tokens"
                " WHERE token_hash = :hash AND expires_at > :now"
            ),
            {"hash": digest(secret), "now": now},
        )
    ).first()
    if row is None:
        return None
    if row.last_used_at is None or row.last_used_at <= now - _LAST_USE:
        await connection.execute(
            text("UPDATE api_tokens SET last_used_at = :now WHERE token_id = :id"),
            {"now": now, "id": row.token_id},
        )
    return row.token_id, row.user_id, list(row.scopes)


async def is_alive(connection: AsyncConnection, token_id: UUID, now: datetime) -> bool:
    found = await connection.scalar(
        text("SELECT true FROM api_tokens WHERE token_id = :id AND expires_at > :now"),
        {"id": token_id, "now": now},
    )
    return bool(found)


async def revoke(connection: AsyncConnection, user_id: UUID, token_id: UUID) -> bool:
    """Whether the person had it."""
    gone = await connection.scalar(
        text("DELETE FROM api_tokens WHERE token_id = :id AND user_id = :user_id RETURNING true"),
        {"id": token_id, "user_id": user_id},
    )
    return bool(gone)


async def revoke_all(connection: AsyncConnection, user_id: UUID) -> int:
    """How many there were."""
    gone = await connection.execute(
        text("DELETE FROM api_tokens WHERE user_id = :user_id"), {"user_id": user_id}
    )
    return gone.rowcount
