"""Claims: which due versions a copy takes to check, and how claims end without a result."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.claims.due_files import USUAL, DueFile, Key, Lane

# After which a claim ends in any case. It ends with its copy; only a copy that lives and has
# forgotten what it claimed is waited for that long.
LEASE = timedelta(minutes=10)
CLAIM_BYTES = 32 << 20  # of contents that are claimed at once, or one file that is larger
LARGE = 256 << 10  # bytes; ruff may be busy with a larger file for longer than the others can wait
SUSPECT = 2  # copies that died in the check of a version, after which it is checked alone

# Of each file only the earliest version: a check is compared with the one before. Of each person
# the first one before anybody's second one; those who have spent time go last. Within that the
# order is left to chance: files that take all the time of a run leave none to those behind them.
# While a suspect waits nothing is begun that takes long, as it has to be alone. The row that is
# locked is looked at once more, as another copy may have been faster.
CLAIM = """
WITH earliest AS (
    SELECT DISTINCT ON (file_id)
           file_id, version, user_id, changed_at, deaths, sha256, size, claimed_until
    FROM versions WHERE NOT checked AND NOT deleted ORDER BY file_id, version
), free AS (
    SELECT *, sha256 IN (SELECT s.sha256 FROM versions s WHERE s.slow = :tool) AS slow
    FROM earliest WHERE claimed_until IS NULL OR claimed_until < :now
), sorted AS (
    SELECT *, CASE WHEN deaths >= :suspect THEN 'suspects'
                   WHEN slow OR user_id = ANY(:heavy) THEN 'slow'
                   WHEN coalesce(size, :usual) > :large THEN 'large' ELSE 'quick' END AS lane
    FROM free
), waiting AS (
    SELECT file_id, version, changed_at,
           coalesce(array_position(CAST(:spenders AS uuid[]), user_id), 0) AS place,
           row_number() OVER (PARTITION BY user_id ORDER BY slow, changed_at, file_id) AS turn
    FROM sorted WHERE lane = :lane
      AND (lane IN ('quick', 'suspects')
           OR NOT EXISTS (SELECT FROM sorted WHERE lane = 'suspects'))
), chosen AS (
    SELECT v.file_id, v.version, place, turn, waiting.changed_at, coalesce(size, :usual) AS size
    FROM versions v JOIN waiting USING (file_id, version)
    WHERE NOT checked AND NOT deleted AND (claimed_until IS NULL OR claimed_until < :now)
    ORDER BY place, turn, waiting.changed_at LIMIT :limit FOR UPDATE OF v SKIP LOCKED
), fitting AS (
    SELECT file_id, version, place, turn, sum(size) OVER up_to_here AS bytes,
           row_number() OVER up_to_here AS number
    FROM chosen WINDOW up_to_here AS (ORDER BY place, turn, changed_at, file_id)
), claimed AS (
    UPDATE versions v SET claimed_until = :until, claimed_by = :copy
    FROM fitting WHERE (v.file_id, v.version) = (fitting.file_id, fitting.version)
      AND (bytes <= :bytes OR number = 1)
    RETURNING v.*, place, turn
)
SELECT file_id, user_id, name, version, sha256, coalesce(size, :usual) AS size, claimed_by, deaths,
       unfinished, correlation_id, causation_id, traceparent
FROM claimed ORDER BY place, turn, random()
"""

# What is locked is being settled at this moment.
_END = """
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL, deaths = deaths + :died
FROM (
    SELECT file_id, version FROM versions
    WHERE claimed_by = ANY(CAST(:copies AS int[])) AND (file_id, version) NOT IN (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]))
    )
    FOR UPDATE SKIP LOCKED
) AS held
WHERE (v.file_id, v.version) = (held.file_id, held.version)
"""


async def claim(
    connection: AsyncConnection,
    copy: int,
    limit: int,
    now: datetime,
    lane: Lane = "quick",
    *,
    tool: str = "",
    heavy: Collection[UUID] = (),
    spenders: Collection[UUID] = (),
    in_hand: Collection[Key] = (),
) -> list[DueFile]:
    """Take what is due, in turns of people, for a copy that has only these files `in_hand`.

    What it claimed before and did not bring to an end is due again. Nobody waits for another lane:
    there are one for `large` files, one for the `slow`, which are those that were slow under the
    same `tool` and all of `heavy` people, and one for the `suspects` in whose check copies died.
    `spenders` are those who have spent time, the least first.
    """
    await _end(connection, [copy], died=0, in_hand=in_hand)
    values = {
        "copy": copy, "limit": limit, "bytes": CLAIM_BYTES, "usual": USUAL, "now": now,
        "until": now + LEASE, "suspect": SUSPECT, "large": LARGE, "lane": lane, "tool": tool,
        "heavy": list(heavy), "spenders": list(spenders),
    }  # fmt: skip
    rows = await connection.execute(text(CLAIM), values)
    return [DueFile(**row) for row in rows.mappings()]


async def end_claims(connection: AsyncConnection, dead: Collection[int]) -> int:
    """Make due what dead copies had claimed, and count that they died; return the number."""
    return await _end(connection, dead, died=1)


async def _end(
    connection: AsyncConnection,
    copies: Collection[int],
    *,
    died: int,
    in_hand: Collection[Key] = (),
) -> int:
    ids, versions = [file_id for file_id, _ in in_hand], [version for _, version in in_hand]
    values = {"copies": list(copies), "died": died, "ids": ids, "versions": versions}
    return (await connection.execute(text(_END), values)).rowcount
