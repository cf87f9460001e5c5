"""A person's sessions: which live, and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.client_info import Place
from services.auth.settings import Settings
from shared.contracts.http.auth import ExportedSession, SessionKind, SessionSummary

MOST = 100  # living ones of a kind and a person
LIVES = "s.ended_at IS NULL AND s.last_used_at > :used_after AND s.created_at > :begun_after"


@dataclass(frozen=True)
class Lifetime:
    """How long a session lives unused, and however much it is used (None: without end)."""

    unused: timedelta
    whole: timedelta | None

    @classmethod
    def of(cls, settings: Settings) -> "Lifetime":
        days = settings.session_max_days
        return cls(timedelta(days=settings.session_days), timedelta(days=days) if days else None)

    def at(self, now: datetime) -> dict[str, datetime]:
        """The values of `LIVES`."""
        begun_after = now - self.whole if self.whole else datetime(1, 1, 2, tzinfo=UTC)
        return {"used_after": now - self.unused, "begun_after": begun_after}


async def active(
    connection: AsyncConnection, user_id: UUID, now: datetime, lifetime: Lifetime
) -> Sequence[SessionSummary]:
    """A person's sessions, the last used first."""
    rows = await connection.execute(
        text(
            "SELECT session_id AS id, kind, device, address, created_at, last_used_at"  # noqa: S608
            f" FROM sessions s WHERE user_id = :user_id AND {LIVES}"
            " ORDER BY last_used_at DESC, session_id"
        ),
        {"user_id": user_id, **lifetime.at(now)},
    )
    return [SessionSummary(**row) for row in rows.mappings()]


async def kept(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedSession]:
    """All of a person, the last used first."""
    rows = await connection.execute(
        text(
            "SELECT session_id AS id, kind, device, address, created_at, last_used_at, ended_at"
            " FROM sessions WHERE user_id = :user_id ORDER BY last_used_at DESC, session_id"
        ),
        {"user_id": user_id},
    )
    return [ExportedSession(**row) for row in rows.mappings()]


async def is_alive(
    connection: AsyncConnection, session_id: UUID, now: datetime, lifetime: Lifetime
) -> bool:
    found = await connection.scalar(
        text(f"SELECT true FROM sessions s WHERE session_id = :id AND {LIVES}"),  # noqa: S608
        {"id": session_id, **lifetime.at(now)},
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


async def end_oldest(
    connection: AsyncConnection, user_id: UUID, kind: SessionKind, now: datetime
) -> None:
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
