"""Table `session_tokens`: hashes of the opaque tokens of sessions."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientSummary
from services.auth.domain.secret_tokens import digest
from services.auth.domain.session_limits import SessionLimits
from services.auth.tables.sessions import ACTIVE, active_at

_INSERT = text("""
INSERT INTO session_tokens (token_hash, session_id, created_at) VALUES (:hash, :session_id, :now)
""")
_USE_WEB_SESSION = text(f"""
UPDATE sessions s SET last_used_at = :now, address = coalesce(nullif(:address, ''), s.address)
FROM session_tokens t
WHERE t.token_hash = :hash AND s.session_id = t.session_id AND s.kind = 'web' AND {ACTIVE}
RETURNING s.session_id, s.user_id
""")  # noqa: S608
_LOCK_USER = text("""
SELECT FROM users u JOIN sessions s USING (user_id) JOIN session_tokens t USING (session_id)
WHERE t.token_hash = :hash FOR KEY SHARE OF u
""")
_LOCK_API_SESSION = text(f"""
SELECT s.session_id, s.user_id, s.device, s.address, t.replaced_at
FROM session_tokens t JOIN sessions s USING (session_id)
WHERE t.token_hash = :hash AND s.kind = 'api' AND {ACTIVE} FOR UPDATE
""")  # noqa: S608
_SET_REPLACED = text("""
UPDATE session_tokens SET replaced_at = :now WHERE token_hash = :hash
""")


class WebSession(NamedTuple):
    """A session whose token was used."""

    session_id: UUID
    user_id: UUID


class ApiSession(NamedTuple):
    """A session with one of its tokens, which works unless it was replaced."""

    session_id: UUID
    user_id: UUID
    client: ClientSummary
    replaced_at: datetime | None


async def insert(connection: AsyncConnection, token: str, session_id: UUID, now: datetime) -> None:
    values = {"hash": digest(token), "session_id": session_id, "now": now}
    await connection.execute(_INSERT, values)


async def use_web_session(
    connection: AsyncConnection, token: str, now: datetime, limits: SessionLimits, address: str
) -> WebSession | None:
    """Record the use, and the IP address unless it is empty."""
    values = {
        "now": now,
        "hash": digest(token),
        **active_at(now, limits),
        "address": address,
    }
    row = (await connection.execute(_USE_WEB_SESSION, values)).first()
    return WebSession(*row) if row else None


async def lock_user(connection: AsyncConnection, token: str) -> None:
    """Lock the person before the session, in the order in which an erasure locks them."""
    await connection.execute(_LOCK_USER, {"hash": digest(token)})


async def lock_api_session(
    connection: AsyncConnection, token: str, now: datetime, limits: SessionLimits
) -> ApiSession | None:
    values = {"hash": digest(token), **active_at(now, limits)}
    row = (await connection.execute(_LOCK_API_SESSION, values)).first()
    if row is None:
        return None
    client = ClientSummary(row.device, row.address)
    return ApiSession(row.session_id, row.user_id, client, row.replaced_at)


async def set_replaced(connection: AsyncConnection, token: str, now: datetime) -> None:
    await connection.execute(_SET_REPLACED, {"now": now, "hash": digest(token)})
