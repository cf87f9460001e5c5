"""`files` and `file_versions`: what the service itself must look up."""

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
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each
from shared.eventsourcing.steps import deleting
from shared.eventsourcing.store import EventStore

# Events of erased people are masked: a rebuild must not put nameless files in their place.
_SAVE_FILE = text("""
INSERT INTO files (file_id, user_id, name, version, deleted)
SELECT :file_id, :user_id, :name, :version, false
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT (file_id) DO UPDATE SET name = excluded.name, version = excluded.version
WHERE files.version < excluded.version
""")

_SAVE_VERSION = text("""
INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
SELECT :file_id, :version, :user_id, :name, :size, :sha256, :at
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT DO NOTHING
""")


_DELETE = text("UPDATE files SET deleted = true, deleted_at = :at WHERE file_id = :file_id")
_RESTORE = text("UPDATE files SET deleted = false, deleted_at = NULL WHERE file_id = :file_id")
_ERASE = (
    text("UPDATE files SET erased = true WHERE file_id = :file_id"),
    text("UPDATE file_versions SET kept = false WHERE file_id = :file_id"),
)


async def _save(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _SAVE_FILE, _values(events))
    await execute_each(connection, _SAVE_VERSION, _values(events))


async def _delete(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _DELETE, _values(events))


async def _restore(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _RESTORE, _values(events))


async def _erase(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    for change in _ERASE:
        await execute_each(connection, change, _values(events))


async def _erase_owner(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """Takes away what a rebuild under way had put down before the person was erased."""
    for values, table in product(_values(events), FILES.tables):
        step = deleting(table, values["user_id"])
        while await step(connection):
            pass


def _values(events: Sequence[RecordedEvent]) -> list[dict[str, Any]]:
    return [{**vars(recorded.event), "at": recorded.recorded_at} for recorded in events]


FILES = Projection(
    "files",
    ("files", "file_versions"),
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
