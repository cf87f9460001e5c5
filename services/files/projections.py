"""`files` and `file_versions`: what the service itself must look up."""

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
from shared.eventsourcing.projection import Projection
from shared.eventsourcing.steps import deleting
from shared.eventsourcing.store import EventStore

# Events of erased people are masked: a rebuild must not put nameless files in their place.
_SAVE_FILE = """
INSERT INTO files (file_id, user_id, name, version, deleted)
SELECT :file_id, :user_id, :name, :version, false
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT (file_id) DO UPDATE SET name = excluded.name, version = excluded.version
WHERE files.version < excluded.version
"""

_SAVE_VERSION = """
INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
SELECT :file_id, :version, :user_id, :name, :size, :sha256, :saved_at
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT DO NOTHING
"""


async def _save(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = {**vars(recorded.event), "saved_at": recorded.recorded_at}
    await connection.execute(text(_SAVE_FILE), values)
    await connection.execute(text(_SAVE_VERSION), values)


async def _delete(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(
        text("UPDATE files SET deleted = true, deleted_at = :at WHERE file_id = :file_id"),
        {**vars(recorded.event), "at": recorded.recorded_at},
    )


async def _restore(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(
        text("UPDATE files SET deleted = false, deleted_at = NULL WHERE file_id = :file_id"),
        vars(recorded.event),
    )


async def _erase(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    for change in (
        "UPDATE files SET erased = true WHERE file_id = :file_id",
        "UPDATE file_versions SET kept = false WHERE file_id = :file_id",
    ):
        await connection.execute(text(change), vars(recorded.event))


async def _erase_owner(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    """Takes away what a rebuild under way had put down before the person was erased."""
    for table in FILES.tables:
        step = deleting(table, vars(recorded.event)["user_id"])
        while await step(connection):
            pass


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
history = EventStore(EventTypes(EVENTS, UPCASTERS)).read_all
