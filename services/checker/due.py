"""Versions of files that wait for their check."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LEASE = timedelta(minutes=3)  # after which a copy that claimed files is taken for dead

# Of each file only the earliest version: a check is compared with the one before.
_CLAIM = """
UPDATE versions SET claimed_until = :until
WHERE (file_id, version) IN (
    SELECT file_id, version FROM versions v
    WHERE NOT checked AND NOT deleted AND (claimed_until IS NULL OR claimed_until < :now)
      AND NOT EXISTS (
          SELECT FROM versions earlier WHERE earlier.file_id = v.file_id
          AND earlier.version < v.version AND NOT earlier.checked
      )
    ORDER BY changed_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING file_id, user_id, name, version, sha256, correlation_id, causation_id, traceparent
"""

_RELEASE = """
UPDATE versions v SET claimed_until = NULL
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS c(file_id, version)
WHERE (v.file_id, v.version) = (c.file_id, c.version)
"""

_SETTLE = """
UPDATE versions v SET claimed_until = NULL, checked = v.checked OR NOT v.deleted
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS c(file_id, version)
WHERE (v.file_id, v.version) = (c.file_id, c.version)
RETURNING v.file_id, v.deleted
"""


@dataclass(frozen=True)
class DueFile:
    """A file in the version to check, the event that made it due, its request and trace."""

    file_id: UUID
    user_id: UUID
    name: str
    version: int
    sha256: str
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None


async def claim(connection: AsyncConnection, limit: int, now: datetime) -> list[DueFile]:
    """Take what has waited longest, a file once; no other copy gets it while the lease runs."""
    rows = await connection.execute(
        text(_CLAIM), {"limit": limit, "now": now, "until": now + LEASE}
    )
    return [DueFile(**row) for row in rows.mappings()]


async def release(connection: AsyncConnection, files: list[DueFile]) -> None:
    """Give claimed versions back: they are due again."""
    await connection.execute(text(_RELEASE), _keys(files))


async def settle(connection: AsyncConnection, files: list[DueFile]) -> set[UUID]:
    """Mark the claimed versions as checked; return the files that still live.

    A file deleted during its check counts as not checked: it may be restored.
    """
    rows = await connection.execute(text(_SETTLE), _keys(files))
    return {row.file_id for row in rows if not row.deleted}


def _keys(files: list[DueFile]) -> dict[str, list[UUID] | list[int]]:
    return {"ids": [f.file_id for f in files], "versions": [f.version for f in files]}
