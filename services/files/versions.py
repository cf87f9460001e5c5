"""The versions of a file, and what each changed."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from uuid import UUID

from sqlalchemy import RowMapping, text

from services.files import queries
from services.files.changes import changes, source, totals
from services.files.comparing import Comparing
from shared.contracts.http.files import Version, VersionPage
from shared.db import Database

Pair = tuple[str | None, str]
Counts = tuple[int, int]
Step = tuple[RowMapping, RowMapping | None]  # a version, and the one before it
COUNTED = 16 * 1024 * 1024  # bytes whose lines are counted for one page


class LineCounts:
    """How many lines were removed and added between two contents; remembers what it counted."""

    def __init__(
        self, database: Database, comparing: Comparing, *, remembered: int = 20_000
    ) -> None:
        """Keep at most so many pairs, the last ones asked for."""
        self._database, self._comparing = database, comparing
        self._known: OrderedDict[Pair, Counts] = OrderedDict()
        self._remembered = remembered

    def knows(self, pair: Pair) -> bool:
        return pair in self._known

    async def of(self, pair: Pair) -> Counts | None:
        """From the first content to the second, by their sha256; no first one: all lines.

        None when a content is not here.
        """
        if pair not in self._known:
            found = await self._contents(pair)
            if not found.keys() >= set(pair):
                return None
            old, new = (found[one] for one in pair)
            self._known[pair] = await self._comparing.made(pair, partial(_count, old, new))
        self._known.move_to_end(pair)
        counts = self._known[pair]
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return counts

    async def _contents(self, pair: Pair) -> dict[str | None, bytes]:
        async with self._database.transaction() as connection:
            rows = await connection.execute(_CONTENTS, {"pair": [*filter(None, pair)]})
            return {None: b"", **{row.sha256: bytes(row.content) for row in rows}}


_CONTENTS = text("""
SELECT sha256, content FROM contents WHERE sha256 = ANY(:pair)
""")
_PAGE = text("""
SELECT version, name, size, sha256, saved_at, user_id AS author, kept
FROM file_versions
WHERE file_id = :file_id AND user_id = :user_id
AND (version < :before OR CAST(:before AS int) IS NULL)
ORDER BY version DESC LIMIT :rows
""")


async def page(
    database: Database,
    counts: LineCounts,
    user_id: UUID,
    file_id: UUID,
    *,
    before: int | None,
    limit: int,
) -> VersionPage:
    """At most `limit` versions; fewer where counting the lines of more would take long."""
    values = {"file_id": file_id, "user_id": user_id, "before": before, "rows": limit + 1}
    async with database.questions() as connection:
        await queries.file(connection, user_id, file_id)
        rows = (await connection.execute(_PAGE, values)).mappings().all()
    steps = list(zip_longest(rows, rows[1:]))[:limit]
    versions = [await _version(counts, *step) for step in _quick(counts, steps)]
    return VersionPage(
        versions=versions, next_before=versions[-1].version if len(rows) > len(versions) else None
    )


def _quick(counts: LineCounts, steps: Sequence[Step]) -> Sequence[Step]:
    """As many of the first ones, but one at least, as have not too much to be counted."""
    total = 0
    for number, (row, before) in enumerate(steps):
        if row["kept"] and not counts.knows(_pair(row, before)):
            total += row["size"] + (before["size"] if before else 0)
        if number and total > COUNTED:
            return steps[:number]
    return steps


async def _version(counts: LineCounts, row: RowMapping, before: RowMapping | None) -> Version:
    counted = await counts.of(_pair(row, before)) if row["kept"] else None
    removed, added = counted or (None, None)
    return Version(**row, available=row["kept"], lines_added=added, lines_removed=removed)


def _pair(row: RowMapping, before: RowMapping | None) -> Pair:
    return (before["sha256"] if before else None, row["sha256"])


def _count(before: bytes, after: bytes) -> Counts:
    return totals(changes(_lines(before), _lines(after)))


def _lines(content: bytes) -> Sequence[str]:
    return source(content).lines
