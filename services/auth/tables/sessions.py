"""Table `sessions`: where a person is or was logged in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientSummary
from services.auth.domain.session_limits import SessionLimits
from shared.contracts.http.auth import ExportedSession, SessionKind, SessionSummary

ACTIVE = "s.ended_at IS NULL AND s.last_used_at > :used_after AND s.created_at > :created_after"
"""The condition of statements whose parameters `active_at` gives."""

_INSERT = text("""
INSERT INTO sessions (session_id, user_id, kind, created_at, last_used_at, device, address)
VALUES (:session_id, :user_id, :kind, :now, :now, :device, :address)
""")
_FIND_CLIENT = text("""
SELECT device, address FROM sessions
WHERE session_id = :session_id AND user_id = :user_id AND ended_at IS NULL
""")
_IS_ACTIVE = text(f"""
SELECT true FROM sessions s WHERE session_id = :session_id AND {ACTIVE}
""")  # noqa: S608
_LIST_ACTIVE = text(f"""
SELECT session_id AS id, kind, device, address, created_at, last_used_at
FROM sessions s WHERE user_id = :user_id AND {ACTIVE}
ORDER BY last_used_at DESC, session_id
""")  # noqa: S608
_LIST = text("""
SELECT session_id AS id, kind, device, address, created_at, last_used_at, ended_at
FROM sessions WHERE user_id = :user_id ORDER BY last_used_at DESC, session_id
""")
_SET_LAST_USED = text("""
UPDATE sessions SET last_used_at = :now WHERE session_id = :session_id
""")
_END = text("""
UPDATE sessions SET ended_at = :now
WHERE session_id = :session_id AND user_id = :user_id AND ended_at IS NULL
RETURNING device, address
""")
_END_OTHERS = text("""
UPDATE sessions SET ended_at = :now WHERE user_id = :user_id AND ended_at IS NULL
AND session_id IS DISTINCT FROM CAST(:kept AS uuid)
""")
_END_LEAST_RECENTLY_USED = text("""
UPDATE sessions SET ended_at = :now WHERE session_id IN (
    SELECT session_id FROM sessions
    WHERE user_id = :user_id AND kind = :kind AND ended_at IS NULL
    ORDER BY last_used_at DESC, created_at DESC OFFSET :kept
)
""")


def active_at(now: datetime, limits: SessionLimits) -> dict[str, Any]:
    """The parameters of `ACTIVE`."""
    return {"used_after": limits.idle_cutoff(now), "created_after": limits.age_cutoff(now)}


async def insert(
    connection: AsyncConnection,
    session_id: UUID,
    user_id: UUID,
    kind: SessionKind,
    now: datetime,
    client: ClientSummary,
) -> None:
    values = {
        "session_id": session_id,
        "user_id": user_id,
        "kind": kind,
        "now": now,
        **client._asdict(),
    }
    await connection.execute(_INSERT, values)


async def find_client(
    connection: AsyncConnection, session_id: UUID, user_id: UUID
) -> ClientSummary | None:
    """The client of a session of this person that nobody has ended."""
    values = {"session_id": session_id, "user_id": user_id}
    row = (await connection.execute(_FIND_CLIENT, values)).first()
    return ClientSummary(*row) if row else None


async def is_active(
    connection: AsyncConnection, session_id: UUID, now: datetime, limits: SessionLimits
) -> bool:
    values = {"session_id": session_id, **active_at(now, limits)}
    return bool(await connection.scalar(_IS_ACTIVE, values))


async def list_active(
    connection: AsyncConnection, user_id: UUID, now: datetime, limits: SessionLimits
) -> Sequence[SessionSummary]:
    """The last used first."""
    values = {"user_id": user_id, **active_at(now, limits)}
    rows = await connection.execute(_LIST_ACTIVE, values)
    return [SessionSummary(**row) for row in rows.mappings()]


async def list_all(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedSession]:
    """Also those that have ended, until they are pruned; the last used first."""
    rows = await connection.execute(_LIST, {"user_id": user_id})
    return [ExportedSession(**row) for row in rows.mappings()]


async def set_last_used(connection: AsyncConnection, session_id: UUID, now: datetime) -> None:
    await connection.execute(_SET_LAST_USED, {"session_id": session_id, "now": now})


async def end(
    connection: AsyncConnection, user_id: UUID, session_id: UUID, now: datetime
) -> ClientSummary | None:
    """The client of the session; None when the person has no such session to end."""
    values = {"now": now, "session_id": session_id, "user_id": user_id}
    row = (await connection.execute(_END, values)).first()
    return ClientSummary(*row) if row else None


async def end_others(
    connection: AsyncConnection, user_id: UUID, now: datetime, kept: UUID | None = None
) -> int:
    """End all sessions of a person except one; return how many."""
    values = {"now": now, "user_id": user_id, "kept": kept}
    return (await connection.execute(_END_OTHERS, values)).rowcount


async def end_least_recently_used(
    connection: AsyncConnection, user_id: UUID, kind: SessionKind, now: datetime, kept: int
) -> None:
    """End all but the `kept` last used ones of a kind. The person is locked."""
    values = {"now": now, "user_id": user_id, "kind": kind, "kept": kept}
    await connection.execute(_END_LEAST_RECENTLY_USED, values)
