"""Files whose last version waits for its check."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LEASE = timedelta(minutes=3)  # after which a copy that claimed files is taken for dead

_CLAIM = """
UPDATE files SET claimed_until = :until
WHERE file_id IN (
    SELECT file_id FROM files
    WHERE NOT deleted AND version > checked_version
      AND (claimed_until IS NULL OR claimed_until < :now)
    ORDER BY changed_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING file_id, user_id, name, version, sha256, correlation_id, causation_id, traceparent
"""


@dataclass(frozen=True)
class DueFile:
    """A version to check, the event that made it due, and the request and trace behind that."""

    file_id: UUID
    user_id: UUID
    name: str
    version: int
    sha256: str
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None


async def claim(connection: AsyncConnection, limit: int, now: datetime) -> list[DueFile]:
    """Take the files that have waited longest; no other copy gets them while the lease runs."""
    rows = await connection.execute(
        text(_CLAIM), {"limit": limit, "now": now, "until": now + LEASE}
    )
    return [DueFile(**row) for row in rows.mappings()]


async def release(connection: AsyncConnection, files: list[DueFile]) -> None:
    """Give claimed files back: they are due again."""
    await connection.execute(
        text("UPDATE files SET claimed_until = NULL WHERE file_id = ANY(:ids)"),
        {"ids": [file.file_id for file in files]},
    )


async def settle(connection: AsyncConnection, files: list[DueFile]) -> set[UUID]:
    """Mark the claimed versions as checked; return the files that still live.

    A file deleted during its check counts as not checked: it may be restored.
    """
    rows = await connection.execute(
        text(
            "UPDATE files f SET claimed_until = NULL,"
            " checked_version = CASE WHEN deleted THEN checked_version"
            " ELSE greatest(checked_version, c.version) END"
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS c(file_id, version)"
            " WHERE f.file_id = c.file_id RETURNING f.file_id, f.deleted"
        ),
        {"ids": [f.file_id for f in files], "versions": [f.version for f in files]},
    )
    return {row.file_id for row in rows if not row.deleted}
