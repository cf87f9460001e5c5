"""A file, one of its versions, and contents by hash."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import ContentErased, mark_of
from services.files.storage import contents as stored
from shared.contracts.http.files import StoredFile
from shared.errors import NotFound


@dataclass(frozen=True)
class Version:
    """A version with its bytes."""

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


async def file(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> StoredFile:
    values = {"file_id": file_id, "user_id": user_id}
    row = (await connection.execute(_FILE, values)).mappings().first()
    if row is None:
        raise NotFound
    return StoredFile(**row, mark=mark_of(row["version"], deleted=row["deleted_at"] is not None))


async def version(
    connection: AsyncConnection, user_id: UUID, file_id: UUID, number: int | None
) -> Version:
    """Return a version of the user's file, the last one without a number.

    A deleted file has its versions until its contents are erased.

    Raises:
        NotFound: the user has no such file, or it has no such version.
        ContentErased: the file was deleted long ago.
    """
    values = {"file_id": file_id, "user_id": user_id, "number": number}
    row = (await connection.execute(_VERSION, values)).first()
    if row is None:
        raise NotFound
    if not row.kept:
        raise ContentErased
    return Version(row.name, row.version, row.sha256, bytes(row.content))


async def contents(
    connection: AsyncConnection, wanted: list[str], *, max_bytes: int
) -> dict[str, bytes | None]:
    """Return contents by SHA-256 within a limit of bytes, None for one that is not stored.

    The first one is returned even if it is larger; the caller asks again for the missing ones.
    """
    sizes = await connection.execute(_SIZES, {"wanted": wanted})
    size_of = {row.sha256: int(row.size) for row in sizes}
    fitting: list[str] = []
    total = 0
    for sha256 in wanted:
        total += size_of.get(sha256, 0)
        if fitting and total > max_bytes:
            break
        fitting.append(sha256)
    found = await stored.load(connection, fitting)
    return {sha256: found.get(sha256) for sha256 in fitting}
