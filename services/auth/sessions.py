"""Sessions: an opaque token that people hold, of which only the hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ids import new_id

Kind = Literal["web", "api"]


@dataclass(frozen=True)
class Session:
    """A session that is alive; `token` is set where a new one was made."""

    session_id: UUID
    user_id: UUID
    token: str | None = None


async def begin(connection: AsyncConnection, user_id: UUID, kind: Kind, now: datetime) -> Session:
    session_id = new_id()
    await connection.execute(
        text(
            "INSERT INTO sessions (session_id, user_id, kind, created_at, last_used_at)"
            " VALUES (:session_id, :user_id, :kind, :now, :now)"
        ),
        {"session_id": session_id, "user_id": user_id, "kind": kind, "now": now},
    )
    return Session(session_id, user_id, await _issue(connection, session_id, now))


async def find_web(
    connection: AsyncConnection, token: str, now: datetime, lifetime: timedelta
) -> Session | None:
    """The web session of a token, marked as used."""
    row = (
        await connection.execute(
            text(
                "UPDATE sessions s SET last_used_at = :now FROM session_tokens t"
                " WHERE t.token_hash = :hash AND s.session_id = t.session_id AND s.kind = 'web'"
                " AND s.ended_at IS NULL AND s.last_used_at > :oldest"
                " RETURNING s.session_id, s.user_id"
            ),
            {"now": now, "hash": _hash(token), "oldest": now - lifetime},
        )
    ).first()
    return Session(row.session_id, row.user_id) if row else None


async def refresh(
    connection: AsyncConnection, token: str, now: datetime, lifetime: timedelta
) -> Session | None:
    """Exchange an API session's token for the next one.

    A token that comes a second time was stolen, now or then: the session ends (RFC 9700 §4.14).
    """
    row = (
        await connection.execute(
            text(
                "SELECT s.session_id, s.user_id, t.replaced_at FROM session_tokens t"
                " JOIN sessions s USING (session_id) WHERE t.token_hash = :hash"
                " AND s.kind = 'api' AND s.ended_at IS NULL AND s.last_used_at > :oldest"
                " FOR UPDATE"
            ),
            {"hash": _hash(token), "oldest": now - lifetime},
        )
    ).first()
    if row is None:
        return None
    if row.replaced_at is not None:
        await end(connection, row.session_id, now)
        return None
    await connection.execute(
        text("UPDATE session_tokens SET replaced_at = :now WHERE token_hash = :hash"),
        {"now": now, "hash": _hash(token)},
    )
    await connection.execute(
        text("UPDATE sessions SET last_used_at = :now WHERE session_id = :session_id"),
        {"now": now, "session_id": row.session_id},
    )
    return Session(row.session_id, row.user_id, await _issue(connection, row.session_id, now))


async def is_alive(connection: AsyncConnection, session_id: UUID) -> bool:
    found = await connection.scalar(
        text("SELECT true FROM sessions WHERE session_id = :id AND ended_at IS NULL"),
        {"id": session_id},
    )
    return bool(found)


async def end(connection: AsyncConnection, session_id: UUID, now: datetime) -> None:
    await connection.execute(
        text("UPDATE sessions SET ended_at = coalesce(ended_at, :now) WHERE session_id = :id"),
        {"now": now, "id": session_id},
    )


async def _issue(connection: AsyncConnection, session_id: UUID, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    await connection.execute(
        text(
            "INSERT INTO session_tokens (token_hash, session_id, created_at)"
            " VALUES (:hash, :session_id, :now)"
        ),
        {"hash": _hash(token), "session_id": session_id, "now": now},
    )
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
