"""The file list: each file's life, its last version and its newest check."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import facts, forget_in
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

_SAVE_LIFE = text("""
INSERT INTO files (file_id, user_id, sequence, deleted, deleted_at)
VALUES (:file_id, :user_id, :sequence, :deleted, :deleted_at)
ON CONFLICT (file_id) DO UPDATE SET
    sequence = excluded.sequence, deleted = excluded.deleted, deleted_at = excluded.deleted_at
WHERE files.sequence < excluded.sequence
""")

# Most versions are the first that is heard of their file; the statement after it finds the others.
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

_SAVE_LOSS = text("""
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
    values = [facts(recorded) for recorded in events]
    folded = [{**one, "folded": one["name"].casefold()} for one in values]
    for statement in (_SAVE_FILE, _SAVE_VERSION):
        await execute_each(connection, statement, folded)


async def _follow_life(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _SAVE_LIFE, [_life(recorded) for recorded in events])


def _life(recorded: RecordedEvent) -> dict[str, Any]:
    deleted = isinstance(recorded.event, FileDeleted)
    deleted_at = recorded.recorded_at if deleted else None
    return {**facts(recorded), "deleted": deleted, "deleted_at": deleted_at}


async def _file_erased(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Contents that are gone never come back, whatever else is told about the file's life."""
    await execute_each(connection, _SAVE_LOSS, [facts(recorded) for recorded in events])


async def _last_check(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    checks = [{"verdict": None, **facts(recorded)} for recorded in events]
    await execute_each(connection, _SAVE_LAST_CHECK, checks)


FILES = Projection(
    "files",
    ("files",),
    {
        FileUploaded: _file_saved,
        FileReplaced: _file_saved,
        FileDeleted: _follow_life,
        FileRestored: _follow_life,
        FileErased: _file_erased,
        FileChecked: _last_check,
        CheckFailed: _last_check,
        UserErased: forget_in("files"),
    },
    any_order=True,
)
