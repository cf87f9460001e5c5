"""What a user may have: files, bytes, uploads a minute, changes of a file."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.bucket import WINDOW, Bucket
from shared.deletion import delete_some
from shared.errors import DomainError, Invalid


class FilesFull(Invalid):
    """You can have at most {limit} files. Delete one first."""

    code = "files_full"


class StorageFull(Invalid):
    """All versions of your files together can take at most {limit}; this needs more."""

    code = "storage_full"


class FileWornOut(Invalid):
    """This file has changed {limit} times, which is the most. Delete it and upload it anew."""

    code = "file_worn_out"


class TooManyUploads(DomainError):
    """You save files too quickly. Please go on in {seconds} s."""

    code = "too_many_uploads"
    status = 429

    def __init__(self, seconds: int) -> None:
        """Take the seconds until one more can be saved."""
        super().__init__(seconds=seconds)
        self.retry_after = seconds


@dataclass(frozen=True)
class Allowance:
    """The limits of every user."""

    files: int
    bytes: int
    uploads_per_minute: int
    changes: int


class Use(BaseModel):
    """How much of something is used."""

    used: int
    limit: int


class Uploads(BaseModel):
    """How many files can be saved right now; `retry_after` is 0 while there is one."""

    left: int
    limit: int
    window_seconds: int = WINDOW
    retry_after: int = Field(description="seconds until one more can be saved")


class Limits(BaseModel):
    """What a user has and may have.

    Bytes are those of all versions that are kept, deleted files' too; the same bytes count once.
    """

    files: Use
    bytes: Use
    uploads: Uploads


_USED = """
SELECT (SELECT count(*) FROM files WHERE user_id = :user_id AND NOT deleted) AS files,
       (SELECT coalesce(sum(size), 0)
        FROM (SELECT DISTINCT sha256, size FROM file_versions WHERE user_id = :user_id AND kept)
             AS kept) AS bytes,
       (SELECT full_at FROM upload_buckets WHERE user_id = :user_id) AS full_at
"""
_STOCK = """
SELECT count(*) AS files, max(v.saved_at) AS newest
FROM files f JOIN file_versions v USING (file_id, version)
WHERE f.user_id = :user_id AND NOT f.deleted
"""
_KEEP_BUCKET = """
INSERT INTO upload_buckets (user_id, full_at) VALUES (:user_id, :full_at)
ON CONFLICT (user_id) DO UPDATE SET full_at = excluded.full_at
"""


async def current(
    connection: AsyncConnection, allowance: Allowance, user_id: UUID, now: datetime
) -> Limits:
    limits, _ = await _look(connection, allowance, user_id, now)
    return limits


async def stock(connection: AsyncConnection, user_id: UUID) -> tuple[int, datetime | None]:
    """How many files live, and when the newest of their last versions was saved."""
    row = (await connection.execute(text(_STOCK), {"user_id": user_id})).one()
    return row.files, row.newest


async def charge(
    connection: AsyncConnection,
    allowance: Allowance,
    user_id: UUID,
    now: datetime,
    *,
    adds_file: bool,
    changes: int,
) -> Limits:
    """What is left after a change; `adds_file` and `changes` as `commands.Saved` tells them.

    Under the append lock, which the change has taken. Raises and so undoes the change:
        FilesFull: the file is one too many.
        FileWornOut: it is one change too many; each reads the whole history of its file.
        StorageFull: the bytes are too many.
        TooManyUploads: no token is left.
    """
    limits, bucket = await _look(connection, allowance, user_id, now)
    if adds_file and limits.files.used > allowance.files:
        raise FilesFull(limit=allowance.files)
    if changes > allowance.changes:
        raise FileWornOut(limit=allowance.changes)
    if changes and limits.bytes.used > allowance.bytes:
        raise StorageFull(limit=allowance.bytes)
    if not bucket.left:
        raise TooManyUploads(bucket.retry_after)
    rest = bucket.taken()
    values = {"user_id": user_id, "full_at": rest.full_at}
    await connection.execute(text(_KEEP_BUCKET), values)
    return limits.model_copy(update={"uploads": _uploads(rest)})


async def prune(connection: AsyncConnection, now: datetime) -> int:
    """Forget full buckets, as none is as good; how many, within a bound."""
    return await delete_some(connection, "upload_buckets", "full_at <= :now", {"now": now})


async def _look(
    connection: AsyncConnection, allowance: Allowance, user_id: UUID, now: datetime
) -> tuple[Limits, Bucket]:
    found = (await connection.execute(text(_USED), {"user_id": user_id})).one()
    bucket = Bucket(allowance.uploads_per_minute, found.full_at or now, now)
    limits = Limits(
        files=Use(used=found.files, limit=allowance.files),
        bytes=Use(used=found.bytes, limit=allowance.bytes),
        uploads=_uploads(bucket),
    )
    return limits, bucket


def _uploads(bucket: Bucket) -> Uploads:
    return Uploads(left=bucket.left, limit=bucket.size, retry_after=bucket.retry_after)
