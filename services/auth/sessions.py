"""Sessions: an opaque token that people hold, of which only the hash is kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import security_log, session_list
from services.auth.client_info import Place
from services.auth.secret_tokens import digest, new_secret
from services.auth.session_list import LIVES, Lifetime
from shared.contracts.http.auth import SessionKind
from shared.ids import new_id


@dataclass(frozen=True)
class Session:
    """A session that is alive; `token` is set where a new one was made."""

    session_id: UUID
    user_id: UUID
    token: str | None = None


async def begin(
    connection: AsyncConnection, user_id: UUID, kind: SessionKind, now: datetime, place: Place
) -> Session:
    session_id = new_id()
    await connection.execute(
        text(
            "INSERT INTO sessions"
            " (session_id, user_id, kind, created_at, last_used_at, device, address)"
            " VALUES (:session_id, :user_id, :kind, :now, :now, :device, :address)"
        ),
        {"session_id": session_id, "user_id": user_id, "kind": kind, "now": now, **place._asdict()},
    )
    await session_list.end_oldest(connection, user_id, kind, now)
    return Session(session_id, user_id, await _issue(connection, session_id, now))


async def find_web(
    connection: AsyncConnection, token: str, now: datetime, lifetime: Lifetime, address: str
) -> Session | None:
    """The web session of a token, marked as used, from this address if one is told."""
    row = (
        await connection.execute(
            text(
                "UPDATE sessions s SET last_used_at = :now,"  # noqa: S608
                " address = coalesce(nullif(:address, ''), s.address) FROM session_tokens t"
                " WHERE t.token_hash = :hash AND s.session_id = t.session_id AND s.kind = 'web'"
                f" AND {LIVES}"
                " RETURNING s.session_id, s.user_id"
            ),
            {"now": now, "hash": digest(token), **lifetime.at(now), "address": address},
        )
    ).first()
    return Session(row.session_id, row.user_id) if row else None


async def refresh(
    connection: AsyncConnection, token: str, now: datetime, lifetime: Lifetime
) -> Session | None:
    """Exchange an API session's token for the next one.

    A token that comes a second time was stolen, now or then: the session ends (RFC 9700 §4.14).
    """
    await _hold_owner(connection, token)
    row = (
        await connection.execute(
            text(
                "SELECT s.session_id, s.user_id, s.device, s.address, t.replaced_at"  # noqa: S608
                " FROM session_tokens t"
                " JOIN sessions s USING (session_id) WHERE t.token_hash = :hash"
                f" AND s.kind = 'api' AND {LIVES}"
                " FOR UPDATE"
            ),
            {"hash": digest(token), **lifetime.at(now)},
        )
    ).first()
    if row is None:
        return None
    if row.replaced_at is not None:
        await session_list.end(connection, row.user_id, row.session_id, now)
        place = Place(row.device, row.address)
        await security_log.note(connection, row.user_id, "refresh_reused", now, place)
        return None
    await connection.execute(
        text("UPDATE session_tokens SET replaced_at = :now WHERE token_hash = :hash"),
        {"now": now, "hash": digest(token)},
    )
    await connection.execute(
        text("UPDATE sessions SET last_used_at = :now WHERE session_id = :session_id"),
        {"now": now, "session_id": row.session_id},
    )
    return Session(row.session_id, row.user_id, await _issue(connection, row.session_id, now))


async def _hold_owner(connection: AsyncConnection, token: str) -> None:
    """First the person, then the session: whoever erases the person takes them in this order."""
    await connection.execute(
        text(
            "SELECT FROM users u JOIN sessions s USING (user_id)"
            " JOIN session_tokens t USING (session_id)"
            " WHERE t.token_hash = :hash FOR KEY SHARE OF u"
        ),
        {"hash": digest(token)},
    )


async def _issue(connection: AsyncConnection, session_id: UUID, now: datetime) -> str:
    token = new_secret()
    await connection.execute(
        text(
            "INSERT INTO session_tokens (token_hash, session_id, created_at)"
            " VALUES (:hash, :session_id, :now)"
        ),
        {"hash": digest(token), "session_id": session_id, "now": now},
    )
    return token
