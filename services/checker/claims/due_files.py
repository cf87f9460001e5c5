"""Versions of files that wait for their check, and how a claim to one ends."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_DEATHS = 5  # copies that died while they checked a version; then it is not checked any more
MAX_POSTPONEMENTS = 8  # of a check that the machine had no time for, in some three hours
ASSUMED_SIZE = 1 << 20  # bytes of a file whose size is not known

CheckQueue = Literal["quick", "large", "slow", "quarantined"]
VersionKey = tuple[UUID, int]  # a file's id and its version

_RELEASE = text("""
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
""")

_MOVE_TO_SLOW_QUEUE = text("""
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL, slow = :tool
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
""")

# 5 s, 20 s, 80 s …, at most 85 minutes.
_POSTPONE = text("""
UPDATE versions v SET claimed_by = NULL, unfinished = unfinished + 1, claimed_until =
    CASE WHEN unfinished > 0 THEN CAST(:now AS timestamptz)
         + interval '5 seconds' * power(4, least(unfinished, 6) - 1) END
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
""")

_MARK_CHECKED = text("""
UPDATE versions v
SET claimed_until = NULL, claimed_by = NULL, checked = v.checked OR NOT v.deleted,
    slow = CASE WHEN v.file_id = ANY(:slow) THEN :tool END
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
RETURNING v.file_id,
          v.deleted OR EXISTS (SELECT FROM erased_users e WHERE e.user_id = v.user_id) AS deleted
""")


@dataclass(frozen=True)
class DueFile:
    """A file in the version to check, the event that made it due, its request and trace.

    `claimed_by` is the copy that checks it, `deaths` the number of copies that died meanwhile,
    `unfinished` how often the check was postponed.
    """

    file_id: UUID
    user_id: UUID
    name: str
    version: int
    sha256: str
    size: int = ASSUMED_SIZE
    claimed_by: int = 0
    deaths: int = 0
    unfinished: int = 0
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None

    @property
    def key(self) -> VersionKey:
        return self.file_id, self.version


async def release(connection: AsyncConnection, files: list[DueFile]) -> None:
    """End the claims: the versions are due again."""
    await connection.execute(_RELEASE, _keys(files))


async def move_to_slow_queue(connection: AsyncConnection, files: list[DueFile], tool: str) -> None:
    """End the claims and mark the versions as slow for `tool`."""
    await connection.execute(_MOVE_TO_SLOW_QUEUE, {**_keys(files), "tool": tool})


async def postpone(connection: AsyncConnection, file: DueFile, now: datetime) -> None:
    """End the claim without a result: the version is due at once, then each time later."""
    await connection.execute(_POSTPONE, {**_keys([file]), "now": now})


async def mark_checked(
    connection: AsyncConnection, files: list[DueFile], slow: Collection[UUID], tool: str
) -> set[UUID]:
    """Mark the claimed versions as checked, the slow ones as slow; return the existing files.

    A file deleted during its check counts as not checked: it may be restored. A file of an erased
    user counts as deleted. A version that another copy has claimed meanwhile is left to it.
    """
    rows = await connection.execute(
        _MARK_CHECKED, {**_keys(files), "slow": list(slow), "tool": tool}
    )
    return {row.file_id for row in rows if not row.deleted}


def _keys(files: list[DueFile]) -> dict[str, list[UUID] | list[int]]:
    return {
        "ids": [file.file_id for file in files],
        "versions": [file.version for file in files],
        "copies": [file.claimed_by for file in files],
    }
