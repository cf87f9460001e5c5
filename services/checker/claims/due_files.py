"""Versions of files that wait for their check."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

GIVEN_UP = 5  # copies that died in the check of a version, after which it is not checked any more
PATIENCE = 8  # times that a check the machine had no time for is begun again, in some three hours
USUAL = 1 << 20  # bytes that a file is taken for whose size was not kept

_RELEASE = """
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
"""

_PUT_ASIDE = """
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL, slow = :tool
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
"""

# 5 s, 20 s, 80 s …, at most 85 minutes.
_PUT_OFF = """
UPDATE versions v SET claimed_by = NULL, unfinished = unfinished + 1, claimed_until =
    CASE WHEN unfinished > 0 THEN CAST(:now AS timestamptz)
         + interval '5 seconds' * power(4, least(unfinished, 6) - 1) END
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
"""

_SETTLE = """
UPDATE versions v
SET claimed_until = NULL, claimed_by = NULL, checked = v.checked OR NOT v.deleted,
    slow = CASE WHEN v.file_id = ANY(:slow) THEN :tool END
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
RETURNING v.file_id,
          v.deleted OR EXISTS (SELECT FROM erased_users e WHERE e.user_id = v.user_id) AS deleted
"""


Lane = Literal["quick", "large", "slow", "suspects"]
Key = tuple[UUID, int]  # a file in a version


@dataclass(frozen=True)
class DueFile:
    """A file in the version to check, the event that made it due, its request and trace.

    `claimed_by` is the copy that checks it, `deaths` the number of copies that died meanwhile,
    `unfinished` how often it was put off.
    """

    file_id: UUID
    user_id: UUID
    name: str
    version: int
    sha256: str
    size: int = USUAL
    claimed_by: int = 0
    deaths: int = 0
    unfinished: int = 0
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None

    @property
    def key(self) -> Key:
        return self.file_id, self.version


async def release(connection: AsyncConnection, files: list[DueFile]) -> None:
    """Give claimed versions back: they are due again."""
    await connection.execute(text(_RELEASE), _keys(files))


async def put_aside(connection: AsyncConnection, files: list[DueFile], tool: str) -> None:
    """Give back versions that others need not wait for: they are due in the lane of the slow."""
    await connection.execute(text(_PUT_ASIDE), {**_keys(files), "tool": tool})


async def put_off(connection: AsyncConnection, file: DueFile, now: datetime) -> None:
    """Give back a version that came to no result now: due at once, then each time later."""
    await connection.execute(text(_PUT_OFF), {**_keys([file]), "now": now})


async def settle(
    connection: AsyncConnection, files: list[DueFile], slow: Collection[UUID], tool: str
) -> set[UUID]:
    """Mark the claimed versions as checked, and the slow ones as such; return the living files.

    A file deleted during its check counts as not checked: it may be restored. What is still there
    of an erased person lives no more. What another copy has claimed meanwhile is left to it.
    """
    rows = await connection.execute(
        text(_SETTLE), {**_keys(files), "slow": list(slow), "tool": tool}
    )
    return {row.file_id for row in rows if not row.deleted}


def _keys(files: list[DueFile]) -> dict[str, list[UUID] | list[int]]:
    return {
        "ids": [file.file_id for file in files],
        "versions": [file.version for file in files],
        "copies": [file.claimed_by for file in files],
    }
