"""Table `security_log`: what concerns the security of an account, for its owner to see."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientSummary
from shared.contracts.http.auth import SecurityEntry, SecurityEventKind

# Anybody may cause failed logins, and a script logs in all day: they must not hide the rest.
COUNTED: tuple[SecurityEventKind, ...] = (
    "signed_in",
    "sign_in_failed",
    "password_refused",
    "second_factor_refused",
)

# For a user who does not exist (null) the same statement writes nothing.
_INSERT = text("""
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
""")
_LIST = text("""
SELECT entry_id AS id, at, kind, device, address, times FROM security_log
WHERE user_id = :user_id
  AND (CAST(:before AS bigint) IS NULL OR entry_id < CAST(:before AS bigint))
ORDER BY entry_id DESC LIMIT :limit
""")


async def insert(
    connection: AsyncConnection,
    user_id: UUID | None,
    kind: SecurityEventKind,
    now: datetime,
    client: ClientSummary,
) -> None:
    """Add an entry, or count it if it repeats the newest one on the same day and client."""
    values = {"user_id": user_id, "now": now, "kind": kind, **client._asdict()}
    await connection.execute(_INSERT, {**values, "day": now.date(), "counted": list(COUNTED)})


async def list_page(
    connection: AsyncConnection, user_id: UUID, before: int | None, limit: int
) -> Sequence[SecurityEntry]:
    """The newest first; with `before`, those with a smaller id."""
    values = {"user_id": user_id, "before": before, "limit": limit}
    rows = await connection.execute(_LIST, values)
    return [SecurityEntry(**row) for row in rows.mappings()]
