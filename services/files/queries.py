"""What can be asked about files: what they are, and their bytes."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import ContentErased, mark_of
from shared.contracts.http.files import StoredFile
from shared.errors import NotFound

ANSWER_BYTES = 16 * 1024 * 1024  # how much one answer carries, beyond its first content


@dataclass(frozen=True)
class Version:
    """A version of a file with its bytes."""

    name: str
    version: int
    sha256: str
    content: bytes


_FILE = text("""
SELECT file_id, f.name, version, v.size, v.sha256, v.saved_at, f.deleted_at, f.erased
FROM files f JOIN file_versions v USING (file_id, version)
WHERE file_id = :file_id AND f.user_id = :user_id
""")
_VERSION = text("""
SELECT v.name, v.version, v.sha256, v.kept, c.content
FROM file_versions v LEFT JOIN contents c ON c.sha256 = v.sha256 AND v.kept
WHERE v.file_id = :file_id AND v.user_id = :user_id
AND (v.version = :number OR CAST(:number AS int) IS NULL)
ORDER BY v.version DESC LIMIT 1
""")
_SIZES = text("""
SELECT sha256, length(content) AS size FROM contents WHERE sha256 = ANY(:wanted)
""")
_CONTENTS = text("""
SELECT sha256, content FROM contents WHERE sha256 = ANY(:fitting)
""")


async def file(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> StoredFile:
    values = {"file_id": file_id, "user_id": user_id}
    row = (await connection.execute(_FILE, values)).mappings().first()
    if row is None:
        raise NotFound
    return StoredFile(**row, mark=mark_of(row["version"], deleted=row["deleted_at"] is not None))


async def version(
    connection: AsyncConnection, user_id: UUID, file_id: UUID, number: int | None
) -> Version:
    """A version of one's own file, the last one without a number; also of a deleted file.

    Raises:
        ContentErased: the file was deleted, and its time is over.
    """
    values = {"file_id": file_id, "user_id": user_id, "number": number}
    row = (await connection.execute(_VERSION, values)).first()
    if row is None:
        raise NotFound
    if not row.kept:
        raise ContentErased
    return Version(row.name, row.version, row.sha256, bytes(row.content))


async def contents(connection: AsyncConnection, wanted: list[str]) -> dict[str, bytes | None]:
    """Contents by sha256, as many as fit into an answer; None for one that is not here."""
    sizes = await connection.execute(_SIZES, {"wanted": wanted})
    size_of = {row.sha256: int(row.size) for row in sizes}
    fitting: list[str] = []
    total = 0
    for sha256 in wanted:
        total += size_of.get(sha256, 0)
        if fitting and total > ANSWER_BYTES:
            break
        fitting.append(sha256)
    rows = await connection.execute(_CONTENTS, {"fitting": fitting})
    found = {row.sha256: bytes(row.content) for row in rows}
    return {sha256: found.get(sha256) for sha256 in fitting}
