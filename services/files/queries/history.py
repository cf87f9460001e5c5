"""The history of a file: its versions, and how many lines each of them changed."""

from collections.abc import Sequence
from itertools import zip_longest
from uuid import UUID

from sqlalchemy import RowMapping, text

from services.files.queries import files
from services.files.queries.line_counts import LineCounts, Pair
from shared.contracts.http.files import Version, VersionPage
from shared.db import Database

VersionAndPrevious = tuple[RowMapping, RowMapping | None]

_PAGE = text("""
SELECT version, name, size, sha256, saved_at, user_id AS author, kept
FROM file_versions
WHERE file_id = :file_id AND user_id = :user_id
AND (version < :before OR CAST(:before AS int) IS NULL)
ORDER BY version DESC LIMIT :rows
""")


async def history(
    database: Database,
    counts: LineCounts,
    user_id: UUID,
    file_id: UUID,
    *,
    before: int | None,
    limit: int,
    max_counted_bytes: int,
) -> VersionPage:
    """At most `limit` versions; fewer where counting the lines of more would take long."""
    values = {"file_id": file_id, "user_id": user_id, "before": before, "rows": limit + 1}
    async with database.autocommit() as connection:
        await files.file(connection, user_id, file_id)
        rows = (await connection.execute(_PAGE, values)).mappings().all()
    steps = list(zip_longest(rows, rows[1:]))[:limit]
    fitting = _fitting(counts, steps, max_counted_bytes)
    versions = [await _version(counts, *step) for step in fitting]
    return VersionPage(
        versions=versions, next_before=versions[-1].version if len(rows) > len(versions) else None
    )


def _fitting(
    counts: LineCounts, steps: Sequence[VersionAndPrevious], max_counted_bytes: int
) -> Sequence[VersionAndPrevious]:
    """The first steps whose lines can be counted within the limit, but at least one."""
    total = 0
    for number, (row, previous) in enumerate(steps):
        if row["kept"] and not counts.is_cached(_pair(row, previous)):
            total += row["size"] + (previous["size"] if previous else 0)
        if number and total > max_counted_bytes:
            return steps[:number]
    return steps


async def _version(counts: LineCounts, row: RowMapping, previous: RowMapping | None) -> Version:
    counted = await counts.count(_pair(row, previous)) if row["kept"] else None
    removed, added = counted or (None, None)
    return Version(**row, available=row["kept"], lines_added=added, lines_removed=removed)


def _pair(row: RowMapping, previous: RowMapping | None) -> Pair:
    return (previous["sha256"] if previous else None, row["sha256"])
