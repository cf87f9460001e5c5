"""Table `api_tokens`: what people have made for programs, limited by scopes and in time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.secret_tokens import digest
from shared.contracts.auth import Scope
from shared.contracts.http.auth import ApiToken
from shared.ids import new_id

_COLUMNS = "token_id AS id, name, scopes, created_at, expires_at, last_used_at, hint"
_COUNT = text("""
SELECT count(*) FROM api_tokens WHERE user_id = :user_id AND expires_at > :now
""")
_INSERT = text(f"""
INSERT INTO api_tokens
    (token_id, user_id, name, scopes, token_hash, hint, created_at, expires_at)
VALUES (:token_id, :user_id, :name, :scopes, :hash, :hint, :now, :expires_at)
RETURNING {_COLUMNS}
""")  # noqa: S608
_LIST_ACTIVE = text(f"""
SELECT {_COLUMNS} FROM api_tokens WHERE user_id = :user_id AND expires_at > :now
ORDER BY created_at DESC, token_id
""")  # noqa: S608
_LIST = text(f"""
SELECT {_COLUMNS} FROM api_tokens WHERE user_id = :user_id ORDER BY created_at DESC, token_id
""")  # noqa: S608
_FIND = text("""
SELECT token_id, user_id, scopes, last_used_at FROM api_tokens
WHERE token_hash = :hash AND expires_at > :now
""")
_SET_LAST_USED = text("UPDATE api_tokens SET last_used_at = :now WHERE token_id = :token_id")
_IS_ACTIVE = text("""
SELECT true FROM api_tokens WHERE token_id = :token_id AND expires_at > :now
""")
_DELETE = text("""
DELETE FROM api_tokens WHERE token_id = :token_id AND user_id = :user_id RETURNING true
""")
_DELETE_ALL = text("DELETE FROM api_tokens WHERE user_id = :user_id")


class UsedToken(NamedTuple):
    """A token that a program has sent."""

    token_id: UUID
    user_id: UUID
    scopes: list[Scope]
    last_used_at: datetime | None


async def count(connection: AsyncConnection, user_id: UUID, now: datetime) -> int:
    return await connection.scalar(_COUNT, {"user_id": user_id, "now": now}) or 0


async def insert(
    connection: AsyncConnection,
    user_id: UUID,
    *,
    secret: str,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime,
    now: datetime,
) -> ApiToken:
    values = {
        "token_id": new_id(),
        "user_id": user_id,
        "name": name,
        "scopes": sorted(set(scopes)),
        "hash": digest(secret),
        "hint": secret[-4:],
        "now": now,
        "expires_at": expires_at,
    }
    return ApiToken(**(await connection.execute(_INSERT, values)).mappings().one())


async def list_active(
    connection: AsyncConnection, user_id: UUID, now: datetime
) -> Sequence[ApiToken]:
    """The newest first."""
    rows = await connection.execute(_LIST_ACTIVE, {"user_id": user_id, "now": now})
    return [ApiToken(**row) for row in rows.mappings()]


async def list_all(connection: AsyncConnection, user_id: UUID) -> Sequence[ApiToken]:
    """Also those that have expired, until they are pruned; the newest first."""
    rows = await connection.execute(_LIST, {"user_id": user_id})
    return [ApiToken(**row) for row in rows.mappings()]


async def find(connection: AsyncConnection, secret: str, now: datetime) -> UsedToken | None:
    row = (await connection.execute(_FIND, {"hash": digest(secret), "now": now})).first()
    return UsedToken(*row) if row else None


async def set_last_used(connection: AsyncConnection, token_id: UUID, now: datetime) -> None:
    await connection.execute(_SET_LAST_USED, {"now": now, "token_id": token_id})


async def is_active(connection: AsyncConnection, token_id: UUID, now: datetime) -> bool:
    return bool(await connection.scalar(_IS_ACTIVE, {"token_id": token_id, "now": now}))


async def delete(connection: AsyncConnection, user_id: UUID, token_id: UUID) -> bool:
    """Whether the person had the token."""
    values = {"token_id": token_id, "user_id": user_id}
    return bool(await connection.scalar(_DELETE, values))


async def delete_all(connection: AsyncConnection, user_id: UUID) -> int:
    """How many tokens the person had."""
    return (await connection.execute(_DELETE_ALL, {"user_id": user_id})).rowcount
