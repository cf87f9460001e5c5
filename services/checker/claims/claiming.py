"""Which due versions a copy takes to check, and how its claims end without a result."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.claims.due_files import ASSUMED_SIZE, CheckQueue, DueFile, VersionKey

# A claim ends with its copy. The lease is only for a copy that runs and has forgotten its claim.
LEASE = timedelta(minutes=10)
MAX_CLAIM_BYTES = 32 << 20  # of contents that are claimed at once, or one file that is larger
LARGE_BYTES = 256 << 10  # larger files can keep ruff busy for longer than the others can wait
DEATHS_BEFORE_QUARANTINE = 2  # copies that died while checking a version; then it is checked alone

# Of each file only the earliest version: a check is compared with the one before. Users take turns,
# those who have used processor time come last. Runs are in random order: files that use up the time
# of a run leave none to those behind them. While a quarantined version waits no large or slow file
# is claimed, as it has to be checked alone. The conditions are repeated for the row that is locked:
# another copy may have claimed it meanwhile.
CLAIM = text("""
WITH earliest AS (
    SELECT DISTINCT ON (file_id)
           file_id, version, user_id, changed_at, deaths, sha256, size, claimed_until
    FROM versions WHERE NOT checked AND NOT deleted ORDER BY file_id, version
), unclaimed AS (
    SELECT *, sha256 IN (SELECT s.sha256 FROM versions s WHERE s.slow = :tool) AS slow
    FROM earliest WHERE claimed_until IS NULL OR claimed_until < :now
), queued AS (
    SELECT *, CASE WHEN deaths >= :deaths_before_quarantine THEN 'quarantined'
                   WHEN slow OR user_id = ANY(:heavy_users) THEN 'slow'
                   WHEN coalesce(size, :assumed_size) > :large_bytes THEN 'large'
                   ELSE 'quick' END AS queue
    FROM unclaimed
), waiting AS (
    SELECT file_id, version, changed_at,
           coalesce(array_position(CAST(:users_by_usage AS uuid[]), user_id), 0) AS usage_rank,
           row_number() OVER (PARTITION BY user_id ORDER BY slow, changed_at, file_id) AS turn
    FROM queued WHERE queue = :queue
      AND (queue IN ('quick', 'quarantined')
           OR NOT EXISTS (SELECT FROM queued WHERE queue = 'quarantined'))
), chosen AS (
    SELECT v.file_id, v.version, usage_rank, turn, waiting.changed_at,
           coalesce(size, :assumed_size) AS size
    FROM versions v JOIN waiting USING (file_id, version)
    WHERE NOT checked AND NOT deleted AND (claimed_until IS NULL OR claimed_until < :now)
    ORDER BY usage_rank, turn, waiting.changed_at LIMIT :limit FOR UPDATE OF v SKIP LOCKED
), summed AS (
    SELECT file_id, version, usage_rank, turn, sum(size) OVER up_to_here AS bytes,
           row_number() OVER up_to_here AS number
    FROM chosen WINDOW up_to_here AS (ORDER BY usage_rank, turn, changed_at, file_id)
), claimed AS (
    UPDATE versions v SET claimed_until = :until, claimed_by = :copy
    FROM summed WHERE (v.file_id, v.version) = (summed.file_id, summed.version)
      AND (bytes <= :max_bytes OR number = 1)
    RETURNING v.*, usage_rank, turn
)
SELECT file_id, user_id, name, version, sha256, coalesce(size, :assumed_size) AS size, claimed_by,
       deaths, unfinished, correlation_id, causation_id, traceparent
FROM claimed ORDER BY usage_rank, turn, random()
""")

# A row that is locked is being recorded at this moment.
_END_CLAIMS = text("""
UPDATE versions v SET claimed_until = NULL, claimed_by = NULL, deaths = deaths + :died
FROM (
    SELECT file_id, version FROM versions
    WHERE claimed_by = ANY(CAST(:copies AS int[])) AND (file_id, version) NOT IN (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]))
    )
    FOR UPDATE SKIP LOCKED
) AS ended
WHERE (v.file_id, v.version) = (ended.file_id, ended.version)
""")


async def claim(
    connection: AsyncConnection,
    copy: int,
    limit: int,
    now: datetime,
    queue: CheckQueue = "quick",
    *,
    tool: str = "",
    heavy_users: Collection[UUID] = (),
    users_by_usage: Collection[UUID] = (),
    in_hand: Collection[VersionKey] = (),
) -> list[DueFile]:
    """Claim up to `limit` due versions of a queue for a copy; users take turns.

    What the copy claimed before and has not `in_hand` is due again. `large` files have a queue of
    their own, and so have `slow` ones, which are those that were slow for the same `tool` and all
    of `heavy_users`, and the `quarantined`, in whose check copies died. `users_by_usage` are those
    who have used processor time, the least first.
    """
    await _end(connection, [copy], died=0, in_hand=in_hand)
    values = {
        "copy": copy, "limit": limit, "max_bytes": MAX_CLAIM_BYTES, "assumed_size": ASSUMED_SIZE,
        "now": now, "until": now + LEASE, "deaths_before_quarantine": DEATHS_BEFORE_QUARANTINE,
        "large_bytes": LARGE_BYTES, "queue": queue, "tool": tool, "heavy_users": list(heavy_users),
        "users_by_usage": list(users_by_usage),
    }  # fmt: skip
    rows = await connection.execute(CLAIM, values)
    return [DueFile(**row) for row in rows.mappings()]


async def end_claims(connection: AsyncConnection, dead: Collection[int]) -> int:
    """Make due what dead copies had claimed, and count the deaths; return how many versions."""
    return await _end(connection, dead, died=1)


async def _end(
    connection: AsyncConnection,
    copies: Collection[int],
    *,
    died: int,
    in_hand: Collection[VersionKey] = (),
) -> int:
    ids, versions = [file_id for file_id, _ in in_hand], [version for _, version in in_hand]
    values = {"copies": list(copies), "died": died, "ids": ids, "versions": versions}
    return (await connection.execute(_END_CLAIMS, values)).rowcount
