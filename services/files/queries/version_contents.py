"""Versions of several files with their bytes, for archives."""

import base64
from collections.abc import Mapping, Sequence
from itertools import accumulate
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.queries.response_limits import ResponseLimits
from services.files.storage import contents
from shared.contracts.http.files import VersionsRequest, VersionsWithContent, VersionWithContent

_VERSIONS = text("""
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


async def version_contents(
    connection: AsyncConnection, user_id: UUID, asked: VersionsRequest, limits: ResponseLimits
) -> VersionsWithContent:
    """Return versions of the user's own files; other files count as files without versions."""
    values = {
        "files": asked.files,
        "user_id": user_id,
        "before": asked.before,
        "each": 1 if asked.last else limits.versions + 1,
        "rows": limits.versions + 1,
    }
    rows = (await connection.execute(_VERSIONS, values)).mappings().all()
    fitting = _fitting(rows, limits)
    available = {row["sha256"] for row in fitting if row["available"]}
    found = await contents.load(connection, available)
    return VersionsWithContent(
        versions=[_stored(row, found) for row in fitting],
        more=len(fitting) < len(rows),
    )


def _fitting(rows: Sequence[RowMapping], limits: ResponseLimits) -> Sequence[RowMapping]:
    """The first rows within the limits, but at least one."""
    first = rows[: limits.versions]
    totals = accumulate(row["size"] if row["available"] else 0 for row in first)
    return rows[: max(1, sum(total <= limits.version_bytes for total in totals))]


def _stored(row: RowMapping, found: Mapping[str, bytes]) -> VersionWithContent:
    """A content that was erased between the two statements is reported as erased."""
    content = found.get(row["sha256"]) if row["available"] else None
    encoded = None if content is None else base64.b64encode(content).decode()
    return VersionWithContent(**{**row, "available": content is not None}, content=encoded)
