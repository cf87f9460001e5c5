"""What happened to the safety of an account, for its owner to see; kept one year."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.client_info import Place
from shared.contracts.http.auth import SecurityEntry, SecurityEventKind

# Anybody may cause a failed login, and a script logs in all day: they must not bury the rest.
COUNTED: tuple[SecurityEventKind, ...] = (
    "signed_in",
    "sign_in_failed",
    "password_refused",
    "second_factor_refused",
)

# For nobody (null) the same statement writes nothing.
_NOTE = """
WITH newest AS (
    SELECT * FROM security_log WHERE user_id = :user_id ORDER BY entry_id DESC LIMIT 1
), counted AS (
    UPDATE security_log s SET times = s.times + 1, at = :now FROM newest n
    WHERE s.entry_id = n.entry_id AND n.kind = ANY(:counted)
      AND (n.at AT TIME ZONE 'UTC')::date = :day
      AND (n.kind, n.device, n.address) = (:kind, :device, :address)
    RETURNING s.entry_id
)
INSERT INTO security_log (user_id, at, kind, device, address)
SELECT user_id, :now, :kind, :device, :address FROM users
WHERE user_id = :user_id AND NOT EXISTS (SELECT FROM counted) FOR KEY SHARE OF users
"""


async def note(
    connection: AsyncConnection,
    user_id: UUID | None,
    kind: SecurityEventKind,
    now: datetime,
    place: Place = Place(),  # noqa: B008 - an empty tuple can't change
) -> None:
    """Write a line, or count it where it repeats the one before on the same day and place."""
    values = {"user_id": user_id, "now": now, "kind": kind, **place._asdict()}
    await connection.execute(text(_NOTE), {**values, "day": now.date(), "counted": list(COUNTED)})


async def entries(
    connection: AsyncConnection, user_id: UUID, before: int | None, limit: int
) -> Sequence[SecurityEntry]:
    """The lines before one of them, newest first."""
    rows = await connection.execute(
        text(
            "SELECT entry_id AS id, at, kind, device, address, times FROM security_log"
            " WHERE user_id = :user_id"
            " AND (CAST(:before AS bigint) IS NULL OR entry_id < CAST(:before AS bigint))"
            " ORDER BY entry_id DESC LIMIT :limit"
        ),
        {"user_id": user_id, "before": before, "limit": limit},
    )
    return [SecurityEntry(**row) for row in rows.mappings()]
