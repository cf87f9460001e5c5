"""The versions of a file, and what each changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import queries
from services.files.changes import changes, source, totals

Pair = tuple[str | None, str]
Counts = tuple[int, int]


class Version(BaseModel):
    """A version in the history; the numbers of lines are empty once its bytes are erased."""

    version: int
    name: str
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    author: UUID
    lines_added: int | None
    lines_removed: int | None
    available: bool


class VersionPage(BaseModel):
    """Versions, newest first; `next_before` is empty on the last page."""

    versions: list[Version]
    next_before: int | None


class LineCounts:
    """How many lines were removed and added between two contents; remembers what it counted."""

    def __init__(self, remembered: int = 20_000) -> None:
        """Keep at most so many pairs, the last ones asked for."""
        self._known: OrderedDict[Pair, Counts] = OrderedDict()
        self._remembered = remembered

    async def of(self, connection: AsyncConnection, pair: Pair) -> Counts | None:
        """From the first content to the second, by their sha256; no first one: all lines.

        None when a content is not here.
        """
        if pair not in self._known:
            rows = await connection.execute(text(_CONTENTS), {"pair": [*filter(None, pair)]})
            found = {None: b"", **{row.sha256: bytes(row.content) for row in rows}}
            if not found.keys() >= set(pair):
                return None
            self._known[pair] = await asyncio.to_thread(_count, *(found[one] for one in pair))
        self._known.move_to_end(pair)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return self._known[pair]


_CONTENTS = "SELECT sha256, content FROM contents WHERE sha256 = ANY(:pair)"
_PAGE = """
SELECT version, name, size, sha256, saved_at, user_id AS author, kept,
       lag(sha256) OVER (ORDER BY version) AS previous
FROM file_versions
WHERE file_id = :file_id AND user_id = :user_id
AND (version < :before OR CAST(:before AS int) IS NULL)
ORDER BY version DESC LIMIT :rows
"""


async def page(
    connection: AsyncConnection,
    counts: LineCounts,
    user_id: UUID,
    file_id: UUID,
    *,
    before: int | None,
    limit: int,
) -> VersionPage:
    await queries.file(connection, user_id, file_id)
    values = {"file_id": file_id, "user_id": user_id, "before": before, "rows": limit + 1}
    rows = (await connection.execute(text(_PAGE), values)).mappings().all()
    versions = [await _version(connection, counts, row) for row in rows[:limit]]
    return VersionPage(
        versions=versions, next_before=versions[-1].version if len(rows) > limit else None
    )


async def _version(connection: AsyncConnection, counts: LineCounts, row: RowMapping) -> Version:
    pair = (row["previous"], row["sha256"])
    counted = await counts.of(connection, pair) if row["kept"] else None
    removed, added = counted or (None, None)
    return Version(**row, available=row["kept"], lines_added=added, lines_removed=removed)


def _count(before: bytes, after: bytes) -> Counts:
    return totals(changes(_lines(before), _lines(after)))


def _lines(content: bytes) -> Sequence[str]:
    return source(content).lines
