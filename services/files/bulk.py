"""Many versions at once, with their bytes: for archives."""

import base64
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

ROWS = 200  # versions in an answer
BYTES = 2 * 1024 * 1024  # of contents in an answer, beyond its first one


class VersionsWanted(BaseModel):
    """Files, in the order in which they are wanted.

    `before` is a version of the first one, from which on its later ones are known; with `last`
    only the last version of each is wanted.
    """

    files: list[UUID] = Field(min_length=1, max_length=200)
    before: int = Field(2**31 - 1, ge=1, lt=2**31)
    last: bool = False


class Stored(BaseModel):
    """A version; `content` in base64, empty once the bytes are erased."""

    file_id: UUID
    version: int
    name: str
    size: int = Field(description="bytes")
    sha256: str
    saved_at: datetime
    author: UUID
    available: bool
    content: str | None


class VersionsPage(BaseModel):
    """As many versions as fit, of each file the newest first; `more` tells that others follow."""

    versions: list[Stored]
    more: bool


_ROWS = """
SELECT v.file_id, v.version, v.name, v.size, v.sha256, v.saved_at, v.user_id AS author,
       v.kept AS available
FROM unnest(CAST(:files AS uuid[])) WITH ORDINALITY AS asked (file_id, number), LATERAL (
    SELECT * FROM file_versions AS v
    WHERE v.file_id = asked.file_id AND v.user_id = :user_id
      AND v.version < CASE WHEN number = 1 THEN CAST(:before AS int) ELSE 2147483647 END
    ORDER BY v.version DESC LIMIT :each
) AS v
ORDER BY asked.number, v.version DESC LIMIT :rows
"""
_CONTENTS = "SELECT sha256, content FROM contents WHERE sha256 = ANY(:wanted)"


async def versions(
    connection: AsyncConnection, user_id: UUID, asked: VersionsWanted
) -> VersionsPage:
    """Versions of one's own files; of others' there are none."""
    values = {
        "files": asked.files,
        "user_id": user_id,
        "before": asked.before,
        "each": 1 if asked.last else ROWS + 1,
        "rows": ROWS + 1,
    }
    rows = (await connection.execute(text(_ROWS), values)).mappings().all()
    fitting = _fitting(rows)
    contents = await _contents(connection, {row["sha256"] for row in fitting if row["available"]})
    return VersionsPage(
        versions=[_stored(row, contents) for row in fitting],
        more=len(fitting) < len(rows),
    )


def _stored(row: RowMapping, contents: Mapping[str, str]) -> Stored:
    """What was erased between the two questions is told as such."""
    content = contents.get(row["sha256"]) if row["available"] else None
    return Stored(**{**row, "available": content is not None}, content=content)


def _fitting(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """As many of the first ones, but one at least, as an answer may have."""
    totals = accumulate(row["size"] if row["available"] else 0 for row in rows[:ROWS])
    return rows[: max(1, sum(total <= BYTES for total in totals))]


async def _contents(connection: AsyncConnection, wanted: Collection[str]) -> dict[str, str]:
    rows = await connection.execute(text(_CONTENTS), {"wanted": list(wanted)})
    return {row.sha256: base64.b64encode(row.content).decode() for row in rows}
