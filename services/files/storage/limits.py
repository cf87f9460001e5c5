"""The limits of a user: files, bytes, uploads a minute, changes of a file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.token_bucket import WINDOW, TokenBucket
from shared.contracts.http.files import Allowance, Limits, UploadAllowance
from shared.db.bounded_deletion import delete_batch
from shared.errors import DomainError, Invalid


class TooManyFiles(Invalid):
    code = "too_many_files"


class StorageFull(Invalid):
    code = "storage_full"


class TooManyChanges(Invalid):
    code = "too_many_changes"


class TooManyUploads(DomainError):
    code = "too_many_uploads"
    status = 429

    def __init__(self, seconds: int) -> None:
        """Take the seconds until one more can be saved."""
        super().__init__(seconds=seconds)
        self.retry_after = seconds


@dataclass(frozen=True)
class Quota:
    """The limits of every user."""

    files: int
    bytes: int
    uploads_per_minute: int
    changes: int


_USED = text("""
SELECT coalesce(files, 0) AS files, coalesce(bytes, 0) AS bytes, full_at
FROM (SELECT CAST(:user_id AS uuid) AS user_id) AS person
LEFT JOIN usage USING (user_id) LEFT JOIN upload_buckets USING (user_id)
""")
_COUNT_AND_NEWEST = text("""
SELECT coalesce((SELECT files FROM usage WHERE user_id = :user_id), 0) AS files,
       (SELECT max(saved_at) FROM files WHERE user_id = :user_id AND NOT deleted) AS newest
""")
# Comes after the change, so that the usage it returns includes the change.
_STORE_BUCKET = text("""
INSERT INTO upload_buckets AS b (user_id, full_at) VALUES (:user_id, :full_at)
ON CONFLICT (user_id) DO UPDATE SET full_at = excluded.full_at
RETURNING coalesce((SELECT files FROM usage WHERE user_id = b.user_id), 0) AS files,
          coalesce((SELECT bytes FROM usage WHERE user_id = b.user_id), 0) AS bytes
""")


async def current(
    connection: AsyncConnection, quota: Quota, user_id: UUID, now: datetime
) -> Limits:
    found = (await connection.execute(_USED, {"user_id": user_id})).one()
    bucket = TokenBucket(quota.uploads_per_minute, found.full_at or now, now)
    return _limits(quota, found, bucket)


async def count_and_newest(
    connection: AsyncConnection, user_id: UUID
) -> tuple[int, datetime | None]:
    """How many files are not deleted, and when the newest of their last versions was saved."""
    row = (await connection.execute(_COUNT_AND_NEWEST, {"user_id": user_id})).one()
    return row.files, row.newest


async def charge(
    connection: AsyncConnection,
    quota: Quota,
    user_id: UUID,
    now: datetime,
    *,
    adds_file: bool,
    changes: int,
    bucket_full_at: datetime | None,
) -> Limits:
    """Take one upload from the user's bucket and check the limits after a change.

    The last three arguments are those of `commands.result.CommandResult`. The caller holds the
    append lock since the change. An error rolls the change back:

    Raises:
        TooManyFiles: the user has one file too many.
        TooManyChanges: the file has one change too many; each reads the whole history of its file.
        StorageFull: the user's versions have too many bytes.
        TooManyUploads: no token is left.
    """
    bucket = TokenBucket(quota.uploads_per_minute, bucket_full_at or now, now)
    rest = bucket.taken()
    values = {"user_id": user_id, "full_at": rest.full_at}
    used = (await connection.execute(_STORE_BUCKET, values)).one()
    if adds_file and used.files > quota.files:
        raise TooManyFiles(limit=quota.files)
    if changes > quota.changes:
        raise TooManyChanges(limit=quota.changes)
    if changes and used.bytes > quota.bytes:
        raise StorageFull(limit=quota.bytes)
    if not bucket.left:
        raise TooManyUploads(bucket.retry_after)
    return _limits(quota, used, rest)


async def prune(connection: AsyncConnection, now: datetime) -> int:
    """Delete full buckets, a bounded number at a time; return how many.

    A user without a bucket has a full one.
    """
    return await delete_batch(connection, "upload_buckets", "full_at <= :now", {"now": now})


def _limits(quota: Quota, used: Row[Any], bucket: TokenBucket) -> Limits:
    return Limits(
        files=Allowance(used=used.files, limit=quota.files),
        bytes=Allowance(used=used.bytes, limit=quota.bytes),
        uploads=UploadAllowance(
            left=bucket.left,
            limit=bucket.size,
            window_seconds=WINDOW,
            retry_after=bucket.retry_after,
        ),
    )
