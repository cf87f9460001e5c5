"""Many versions at once, with their bytes: for archives."""

import base64
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.http.files import VersionsRequest, VersionsWithContent, VersionWithContent

ROWS = 200  # versions in an answer
BYTES = 2 * 1024 * 1024  # of contents in an answer, beyond its first one


_ROWS = text("""
SELECT v.file_id, v.version, v.name, v.size, v.sha256, v.saved_at, v.user_id AS author,
       v.kept AS available
FROM unnest(CAST(:files AS uuid[])) WITH ORDINALITY AS asked (file_id, number), LATERAL (
    SELECT * FROM file_versions AS v
    WHERE v.file_id = asked.file_id AND v.user_id = :user_id
      AND v.version < CASE WHEN number = 1 THEN CAST(:before AS int) ELSE 2147483647 END
    ORDER BY v.version DESC LIMIT :each
) AS v
ORDER BY asked.number, v.version DESC LIMIT :rows
""")
_CONTENTS = text("""
SELECT sha256, content FROM contents WHERE sha256 = ANY(:wanted)
""")


async def versions(
    connection: AsyncConnection, user_id: UUID, asked: VersionsRequest
) -> VersionsWithContent:
    """Versions of one's own files; of others' there are none."""
    values = {
        "files": asked.files,
        "user_id": user_id,
        "before": asked.before,
        "each": 1 if asked.last else ROWS + 1,
        "rows": ROWS + 1,
    }
    rows = (await connection.execute(_ROWS, values)).mappings().all()
    fitting = _fitting(rows)
    contents = await _contents(connection, {row["sha256"] for row in fitting if row["available"]})
    return VersionsWithContent(
        versions=[_stored(row, contents) for row in fitting],
        more=len(fitting) < len(rows),
    )


def _stored(row: RowMapping, contents: Mapping[str, str]) -> VersionWithContent:
    """What was erased between the two questions is told as such."""
    content = contents.get(row["sha256"]) if row["available"] else None
    return VersionWithContent(**{**row, "available": content is not None}, content=content)


def _fitting(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """As many of the first ones, but one at least, as an answer may have."""
    totals = accumulate(row["size"] if row["available"] else 0 for row in rows[:ROWS])
    return rows[: max(1, sum(total <= BYTES for total in totals))]


async def _contents(connection: AsyncConnection, wanted: Collection[str]) -> dict[str, str]:
    rows = await connection.execute(_CONTENTS, {"wanted": list(wanted)})
    return {row.sha256: base64.b64encode(row.content).decode() for row in rows}
