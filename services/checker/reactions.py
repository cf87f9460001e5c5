"""Keep in mind which version of which file is the last: that one is due."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.files import FileDeleted, FileReplaced, FileUploaded
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.projection import Handler

_SAVE_LIFE = """
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (:file_id, :user_id, :sequence, :deleted)
ON CONFLICT (file_id) DO UPDATE SET sequence = excluded.sequence, deleted = excluded.deleted
WHERE files.sequence < excluded.sequence
"""

_SAVE_VERSION = """
UPDATE files SET version = :version, name = :name, sha256 = :sha256, changed_at = :changed_at
WHERE file_id = :file_id AND version < :version
"""


async def _file_saved(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = _values(recorded)
    await connection.execute(text(_SAVE_LIFE), {**values, "deleted": False})
    await connection.execute(text(_SAVE_VERSION), values)


async def _file_deleted(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await connection.execute(text(_SAVE_LIFE), {**_values(recorded), "deleted": True})


REACTIONS: dict[type[Event], Handler] = {
    FileUploaded: _file_saved,
    FileReplaced: _file_saved,
    FileDeleted: _file_deleted,
}


async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await REACTIONS[type(recorded.event)](connection, recorded)


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    more = {"sequence": recorded.version, "changed_at": recorded.recorded_at}
    return {**vars(recorded.event), **more}
