"""The file list: whether a file is deleted, its last version and its newest check."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import erase_rows, values_of
from shared.contracts.auth import UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
)
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each

_SAVE_DELETED = text("""
INSERT INTO files (file_id, user_id, sequence, deleted, deleted_at)
VALUES (:file_id, :user_id, :sequence, :deleted, :deleted_at)
ON CONFLICT (file_id) DO UPDATE SET
    sequence = excluded.sequence, deleted = excluded.deleted, deleted_at = excluded.deleted_at
WHERE files.sequence < excluded.sequence
""")

# Inserts the row where this event is the first of its file; else the next statement updates it.
_SAVE_FILE = text("""
INSERT INTO files (file_id, user_id, sequence, deleted, version, name, folded, size, sha256,
                   uploaded_at)
VALUES (:file_id, :user_id, :sequence, false, :version, :name, :folded, :size, :sha256,
        :recorded_at)
ON CONFLICT (file_id) DO UPDATE SET
    sequence = excluded.sequence, deleted = excluded.deleted, deleted_at = excluded.deleted_at
WHERE files.sequence < excluded.sequence
""")

_SAVE_VERSION = text("""
UPDATE files SET version = :version, name = :name, folded = :folded, size = :size,
                 sha256 = :sha256, uploaded_at = :recorded_at
WHERE file_id = :file_id AND version < :version
""")

_SAVE_ERASED = text("""
INSERT INTO files (file_id, user_id, sequence, deleted, erased)
VALUES (:file_id, :user_id, 0, false, true)
ON CONFLICT (file_id) DO UPDATE SET erased = true
""")

_SAVE_LAST_CHECK = text("""
INSERT INTO files (file_id, user_id, sequence, deleted, check_id, check_version, checked_at,
                   verdict)
VALUES (:file_id, :user_id, 0, false, :check_id, :version, :recorded_at, :verdict)
ON CONFLICT (file_id) DO UPDATE SET
    check_id = excluded.check_id, check_version = excluded.check_version,
    checked_at = excluded.checked_at, verdict = excluded.verdict
WHERE (files.check_version, files.checked_at, files.check_id)
    < (excluded.check_version, excluded.checked_at, excluded.check_id)
""")


async def _file_saved(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    values = [values_of(recorded) for recorded in events]
    folded = [{**one, "folded": one["name"].casefold()} for one in values]
    for statement in (_SAVE_FILE, _SAVE_VERSION):
        await execute_each(connection, statement, folded)


async def _deletion_changed(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(
        connection, _SAVE_DELETED, [_deletion_values(recorded) for recorded in events]
    )


def _deletion_values(recorded: RecordedEvent) -> dict[str, Any]:
    deleted = isinstance(recorded.event, FileDeleted)
    deleted_at = recorded.recorded_at if deleted else None
    return {**values_of(recorded), "deleted": deleted, "deleted_at": deleted_at}


async def _file_erased(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Erased contents never come back, so that the order of other events does not matter."""
    await execute_each(connection, _SAVE_ERASED, [values_of(recorded) for recorded in events])


async def _file_checked(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    checks = [{"verdict": None, **values_of(recorded)} for recorded in events]
    await execute_each(connection, _SAVE_LAST_CHECK, checks)


FILES = Projection(
    "files",
    ("files",),
    {
        FileUploaded: _file_saved,
        FileReplaced: _file_saved,
        FileDeleted: _deletion_changed,
        FileRestored: _deletion_changed,
        FileErased: _file_erased,
        FileChecked: _file_checked,
        CheckFailed: _file_checked,
        UserErased: erase_rows("files"),
    },
    any_order=True,
)
