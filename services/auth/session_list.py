"""A person's sessions: which live, and ending them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.visitors import Place

Kind = Literal["web", "api"]
MOST = 100  # living ones of a kind and a person


class Listed(BaseModel):
    """A session as its owner sees it."""

    id: UUID
    kind: Kind
    device: str
    address: str
    created_at: datetime
    last_used_at: datetime


async def living(
    connection: AsyncConnection, user_id: UUID, now: datetime, lifetime: timedelta
) -> Sequence[Listed]:
    """A person's sessions, the last used first."""
    rows = await connection.execute(
        text(
            "SELECT session_id AS id, kind, device, address, created_at, last_used_at"
            " FROM sessions WHERE user_id = :user_id AND ended_at IS NULL"
            " AND last_used_at > :oldest ORDER BY last_used_at DESC, session_id"
        ),
        {"user_id": user_id, "oldest": now - lifetime},
    )
    return [Listed(**row) for row in rows.mappings()]


class Kept(Listed):
    """One of those that are kept, also for a while after their end."""

    ended_at: datetime | None


async def kept(connection: AsyncConnection, user_id: UUID) -> Sequence[Kept]:
    """All of a person, the last used first."""
    rows = await connection.execute(
        text(
            "SELECT session_id AS id, kind, device, address, created_at, last_used_at, ended_at"
            " FROM sessions WHERE user_id = :user_id ORDER BY last_used_at DESC, session_id"
        ),
        {"user_id": user_id},
    )
    return [Kept(**row) for row in rows.mappings()]


async def is_alive(connection: AsyncConnection, session_id: UUID) -> bool:
    found = await connection.scalar(
        text("SELECT true FROM sessions WHERE session_id = :id AND ended_at IS NULL"),
        {"id": session_id},
    )
    return bool(found)


async def end(
    connection: AsyncConnection, user_id: UUID, session_id: UUID, now: datetime
) -> Place | None:
    """Where the session was that has just ended; None when the person has no such living one."""
    row = (
        await connection.execute(
            text(
                "UPDATE sessions SET ended_at = :now WHERE session_id = :id"
                " AND user_id = :user_id AND ended_at IS NULL RETURNING device, address"
            ),
            {"now": now, "id": session_id, "user_id": user_id},
        )
    ).first()
    return Place(*row) if row else None


async def end_all(
    connection: AsyncConnection, user_id: UUID, now: datetime, but: UUID | None = None
) -> int:
    """End all sessions of a person, but perhaps one; return how many."""
    ended = await connection.execute(
        text(
            "UPDATE sessions SET ended_at = :now WHERE user_id = :user_id AND ended_at IS NULL"
            " AND session_id IS DISTINCT FROM CAST(:but AS uuid)"
        ),
        {"now": now, "user_id": user_id, "but": but},
    )
    return ended.rowcount


async def end_oldest(connection: AsyncConnection, user_id: UUID, kind: Kind, now: datetime) -> None:
    """End those that are too many, the longest unused first. The person is locked."""
    await connection.execute(
        text(
            "UPDATE sessions SET ended_at = :now WHERE session_id IN ("
            " SELECT session_id FROM sessions WHERE user_id = :user_id AND kind = :kind"
            " AND ended_at IS NULL"
            " ORDER BY last_used_at DESC, created_at DESC OFFSET :most)"
        ),
        {"now": now, "user_id": user_id, "kind": kind, "most": MOST},
    )
