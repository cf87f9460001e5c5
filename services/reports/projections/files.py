"""The file list: each file's life, its last version and its newest check."""

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
from shared.eventsourcing.projection import Projection

_SAVE_LIFE = """
INSERT INTO files (file_id, user_id, sequence, deleted, deleted_at)
VALUES (:file_id, :user_id, :sequence, :deleted, :deleted_at)
ON CONFLICT (file_id) DO UPDATE SET
    sequence = excluded.sequence, deleted = excluded.deleted, deleted_at = excluded.deleted_at
WHERE files.sequence < excluded.sequence
"""

_SAVE_VERSION = """
UPDATE files SET version = :version, name = :name, folded = :folded, size = :size,
                 sha256 = :sha256, uploaded_at = :recorded_at
WHERE file_id = :file_id AND version < :version
"""

_SAVE_LOSS = """
INSERT INTO files (file_id, user_id, sequence, deleted, erased)
VALUES (:file_id, :user_id, 0, false, true)
ON CONFLICT (file_id) DO UPDATE SET erased = true
"""

_SAVE_LAST_CHECK = """
INSERT INTO files (file_id, user_id, sequence, deleted, check_id, check_version, checked_at,
                   verdict)
VALUES (:file_id, :user_id, 0, false, :check_id, :version, :recorded_at, :verdict)
ON CONFLICT (file_id) DO UPDATE SET
    check_id = excluded.check_id, check_version = excluded.check_version,
    checked_at = excluded.checked_at, verdict = excluded.verdict
WHERE (files.check_version, files.checked_at, files.check_id)
    < (excluded.check_version, excluded.checked_at, excluded.check_id)
"""


async def _file_saved(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = facts(recorded)
    values["folded"] = values["name"].casefold()
    await _file_lives(connection, recorded)
    await connection.execute(text(_SAVE_VERSION), values)


async def _file_lives(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    life = {"deleted": False, "deleted_at": None}
    await connection.execute(text(_SAVE_LIFE), {**facts(recorded), **life})


async def _file_deleted(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    life = {"deleted": True, "deleted_at": recorded.recorded_at}
    await connection.execute(text(_SAVE_LIFE), {**facts(recorded), **life})


async def _file_erased(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    """Contents that are gone never come back, whatever else is told about the file's life."""
    await connection.execute(text(_SAVE_LOSS), facts(recorded))


async def _last_check(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(text(_SAVE_LAST_CHECK), {"verdict": None, **facts(recorded)})


FILES = Projection(
    "files",
    ("files",),
    {
        FileUploaded: _file_saved,
        FileReplaced: _file_saved,
        FileDeleted: _file_deleted,
        FileRestored: _file_lives,
        FileErased: _file_erased,
        FileChecked: _last_check,
        CheckFailed: _last_check,
        UserErased: forget_in("files"),
    },
)
