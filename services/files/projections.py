"""The read tables `files`, `file_versions` and `usage`."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import EVENTS
from services.files.domain.owner import OwnerErased
from shared.contracts import UPCASTERS
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
)
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each
from shared.eventsourcing.store import EventStore

# Each CTE sees the tables as they were before its statement. `usage` changes only with the rows
# that the other CTEs return, so that an event that is applied again changes nothing.

# Events of erased users are masked: a rebuild must not insert files without names for them.
_SAVE = text("""
WITH not_erased AS (
    SELECT WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
), file AS (
    INSERT INTO files (file_id, user_id, name, version, deleted, saved_at)
    SELECT :file_id, :user_id, :name, :version, false, :at FROM not_erased
    ON CONFLICT (file_id) DO UPDATE
    SET name = excluded.name, version = excluded.version, saved_at = excluded.saved_at
    WHERE files.version < excluded.version
), saved AS (
    INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
    SELECT :file_id, :version, :user_id, :name, :size, :sha256, :at FROM not_erased
    ON CONFLICT DO NOTHING
    RETURNING size
)
INSERT INTO usage (user_id, files, bytes)
SELECT :user_id,
    CASE WHEN EXISTS (SELECT FROM files WHERE file_id = :file_id) THEN 0 ELSE 1 END,
    CASE WHEN EXISTS (SELECT FROM file_versions
                      WHERE user_id = :user_id AND sha256 = :sha256 AND kept) THEN 0 ELSE size END
FROM saved
ON CONFLICT (user_id) DO UPDATE
SET files = usage.files + excluded.files, bytes = usage.bytes + excluded.bytes
""")
_DELETE = text("""
WITH deleted AS (
    UPDATE files SET deleted = true, deleted_at = :at WHERE file_id = :file_id AND NOT deleted
    RETURNING user_id
)
UPDATE usage SET files = files - 1 FROM deleted WHERE usage.user_id = deleted.user_id
""")
_RESTORE = text("""
WITH restored AS (
    UPDATE files SET deleted = false, deleted_at = NULL WHERE file_id = :file_id AND deleted
    RETURNING user_id
)
UPDATE usage SET files = files + 1 FROM restored WHERE usage.user_id = restored.user_id
""")
_ERASE = text("""
WITH file AS (
    UPDATE files SET erased = true WHERE file_id = :file_id
), erased AS (
    UPDATE file_versions SET kept = false WHERE file_id = :file_id AND kept
    RETURNING user_id, sha256, size
), freed AS (
    SELECT DISTINCT * FROM erased WHERE NOT EXISTS (
        SELECT FROM file_versions AS other
        WHERE other.user_id = erased.user_id AND other.sha256 = erased.sha256 AND other.kept
        AND other.file_id <> :file_id)
)
UPDATE usage SET bytes = bytes - total.size
FROM (SELECT user_id, sum(size) AS size FROM freed GROUP BY user_id) AS total
WHERE usage.user_id = total.user_id
""")


async def _save(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _SAVE, _values(events))


async def _delete(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _DELETE, _values(events))


async def _restore(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _RESTORE, _values(events))


async def _erase(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _ERASE, _values(events))


async def _erase_owner(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Delete what a rebuild inserted before the user was erased."""
    for values, table in product(_values(events), FILES.tables):
        step = deleting(table, values["user_id"])
        while await step(connection):
            pass


def _values(events: Sequence[RecordedEvent]) -> list[dict[str, Any]]:
    return [{**vars(recorded.event), "at": recorded.recorded_at} for recorded in events]


FILES = Projection(
    "files",
    ("files", "file_versions", "usage"),
    {
        FileUploaded: _save,
        FileReplaced: _save,
        FileDeleted: _delete,
        FileRestored: _restore,
        FileErased: _erase,
        OwnerErased: _erase_owner,
    },
)
PROJECTIONS = (FILES,)
history = EventStore(EventTypes(EVENTS, UPCASTERS)).read_pages
