"""`files` and `file_versions`: what the service itself must look up."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import EVENTS
from shared.contracts import UPCASTERS
from shared.contracts.files import FileDeleted, FileReplaced, FileUploaded
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.projection import Projection
from shared.eventsourcing.store import EventStore

_SAVE_FILE = """
INSERT INTO files (file_id, user_id, name, version, deleted)
VALUES (:file_id, :user_id, :name, :version, false)
ON CONFLICT (file_id) DO UPDATE SET name = excluded.name, version = excluded.version
WHERE files.version < excluded.version
"""

_SAVE_VERSION = """
INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
VALUES (:file_id, :version, :user_id, :name, :size, :sha256, :saved_at)
ON CONFLICT DO NOTHING
"""


async def _save(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = {**vars(recorded.event), "saved_at": recorded.recorded_at}
    await connection.execute(text(_SAVE_FILE), values)
    await connection.execute(text(_SAVE_VERSION), values)


async def _delete(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(
        text("UPDATE files SET deleted = true WHERE file_id = :file_id"), vars(recorded.event)
    )


FILES = Projection(
    "files",
    ("files", "file_versions"),
    {FileUploaded: _save, FileReplaced: _save, FileDeleted: _delete},
)
PROJECTIONS = (FILES,)
history = EventStore(EventTypes(EVENTS, UPCASTERS)).read_all
