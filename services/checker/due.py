"""Versions of files that wait for their check."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# After which a claim ends in any case. It ends with its copy; only a copy that lives and has
# forgotten what it claimed is waited for that long.
LEASE = timedelta(minutes=10)
SUSPECT = 2  # copies that died in the check of a version, after which it is checked alone
GIVEN_UP = 5  # copies, after which it is not checked any more

# Of each file only the earliest version: a check is compared with the one before. Of each person
# the first one before anybody's second one. Within that the order is left to chance: files that
# take all the time of a run leave none to those behind them. The row that is locked is looked at
# once more, as another copy may have been faster.
_CLAIM = """
WITH waiting AS (
    SELECT file_id, version, changed_at,
           row_number() OVER (PARTITION BY user_id ORDER BY changed_at, file_id) AS turn
    FROM versions v
    WHERE NOT checked AND NOT deleted AND (claimed_until IS NULL OR claimed_until < :now)
      AND (deaths >= :suspect) = :suspects
      AND NOT EXISTS (
          SELECT FROM versions earlier WHERE earlier.file_id = v.file_id
          AND earlier.version < v.version AND NOT earlier.checked
      )
), chosen AS (
    SELECT v.file_id, v.version, turn
    FROM versions v JOIN waiting USING (file_id, version)
    WHERE NOT checked AND NOT deleted AND (claimed_until IS NULL OR claimed_until < :now)
    ORDER BY turn, waiting.changed_at LIMIT :limit FOR UPDATE OF v SKIP LOCKED
), claimed AS (
    UPDATE versions v SET claimed_until = :until, claimed_by = :copy
    FROM chosen WHERE (v.file_id, v.version) = (chosen.file_id, chosen.version)
    RETURNING v.*, turn
)
SELECT file_id, user_id, name, version, sha256, claimed_by, deaths, correlation_id, causation_id,
       traceparent
FROM claimed ORDER BY turn, random()
"""

# What is locked is being settled at this moment.
_END = """
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL, deaths = deaths + :died
FROM (
    SELECT file_id, version FROM versions WHERE claimed_by = ANY(CAST(:copies AS int[]))
    FOR UPDATE SKIP LOCKED
) AS held
WHERE (v.file_id, v.version) = (held.file_id, held.version)
"""

_RELEASE = """
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL
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
SET claimed_until = NULL, claimed_by = NULL, checked = v.checked OR NOT v.deleted
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:copies AS int[]))
    AS c(file_id, version, claimed_by)
WHERE (v.file_id, v.version, v.claimed_by) = (c.file_id, c.version, c.claimed_by)
RETURNING v.file_id,
          v.deleted OR EXISTS (SELECT FROM erased_users e WHERE e.user_id = v.user_id) AS deleted
"""


@dataclass(frozen=True)
class DueFile:
    """A file in the version to check, the event that made it due, its request and trace.

    `claimed_by` is the copy that checks it, `deaths` the number of copies that died meanwhile.
    """

    file_id: UUID
    user_id: UUID
    name: str
    version: int
    sha256: str
    claimed_by: int = 0
    deaths: int = 0
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None


async def claim(
    connection: AsyncConnection, copy: int, limit: int, now: datetime, *, suspects: bool = False
) -> list[DueFile]:
    """Take what is due, in turns of people, for a copy that checks nothing else meanwhile.

    What it claimed before and did not bring to an end is due again. `suspects` are the versions in
    whose check copies died.
    """
    await _end(connection, [copy], died=0)
    values = {"copy": copy, "limit": limit, "now": now, "until": now + LEASE}
    values |= {"suspect": SUSPECT, "suspects": suspects}
    rows = await connection.execute(text(_CLAIM), values)
    return [DueFile(**row) for row in rows.mappings()]


async def end_claims(connection: AsyncConnection, dead: Collection[int]) -> int:
    """Make due what dead copies had claimed, and count that they died; return the number."""
    return await _end(connection, dead, died=1)


async def _end(connection: AsyncConnection, copies: Collection[int], *, died: int) -> int:
    ended = await connection.execute(text(_END), {"copies": list(copies), "died": died})
    return ended.rowcount


async def release(connection: AsyncConnection, files: list[DueFile]) -> None:
    """Give claimed versions back: they are due again."""
    await connection.execute(text(_RELEASE), _keys(files))


async def put_off(connection: AsyncConnection, file: DueFile, now: datetime) -> None:
    """Give back a version whose result can't be recorded: due at once, then each time later."""
    await connection.execute(text(_PUT_OFF), {**_keys([file]), "now": now})


async def settle(connection: AsyncConnection, files: list[DueFile]) -> set[UUID]:
    """Mark the claimed versions as checked; return the files that still live.

    A file deleted during its check counts as not checked: it may be restored. What is still there
    of an erased person lives no more. What another copy has claimed meanwhile is left to it.
    """
    rows = await connection.execute(text(_SETTLE), _keys(files))
    return {row.file_id for row in rows if not row.deleted}


def _keys(files: list[DueFile]) -> dict[str, list[UUID] | list[int]]:
    return {
        "ids": [file.file_id for file in files],
        "versions": [file.version for file in files],
        "copies": [file.claimed_by for file in files],
    }
