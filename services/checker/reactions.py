"""Keep in mind which versions are due, and which files live. Forget the erased."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.domain.checks import EVENTS
from shared.contracts import UPCASTERS
from shared.contracts.auth import UserErased
from shared.contracts.files import FileDeleted, FileReplaced, FileRestored, FileUploaded
from shared.eventsourcing.erasure import erasing, is_erased, masking
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.projection import Handler, take_append_lock
from shared.eventsourcing.steps import Prepare, Step, at_once, deleting, preparing

_SAVE_LIFE = """
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (:file_id, :user_id, :sequence, :deleted)
ON CONFLICT (file_id) DO UPDATE SET sequence = excluded.sequence, deleted = excluded.deleted
WHERE files.sequence < excluded.sequence
"""

_FOLLOW_LIFE = """
UPDATE versions v SET deleted = f.deleted FROM files f
WHERE f.file_id = :file_id AND v.file_id = f.file_id AND NOT v.checked AND v.deleted <> f.deleted
"""

_SAVE_VERSION = """
INSERT INTO versions (file_id, version, user_id, name, sha256, changed_at, deleted,
                      correlation_id, causation_id, traceparent)
SELECT file_id, :version, :user_id, :name, :sha256, :changed_at, deleted,
       :correlation_id, :causation_id, :traceparent
FROM files WHERE file_id = :file_id
ON CONFLICT DO NOTHING
"""

_SOME_FILES = "SELECT file_id FROM files WHERE user_id = :user_id LIMIT :most"
_FORGET_FILES = (
    "DELETE FROM histories WHERE file_id = ANY(:files)",
    "DELETE FROM files WHERE file_id = ANY(:files)",
)
AT_ONCE = 100  # files, each with the history of its checks

_TYPES = EventTypes(EVENTS, UPCASTERS)
FileEvent = FileUploaded | FileReplaced | FileDeleted | FileRestored


async def _file_saved(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await _save_life(connection, recorded, deleted=False)
    await connection.execute(text(_SAVE_VERSION), _values(recorded))


async def _file_deleted(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await _save_life(connection, recorded, deleted=True)


async def _file_restored(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    await _save_life(connection, recorded, deleted=False)


async def _save_life(
    connection: AsyncConnection, recorded: RecordedEvent, *, deleted: bool
) -> None:
    values = {**_values(recorded), "deleted": deleted}
    for statement in (_SAVE_LIFE, _FOLLOW_LIFE):
        await connection.execute(text(statement), values)


REACTIONS: dict[type[Event], Handler] = {
    FileUploaded: _file_saved,
    FileReplaced: _file_saved,
    FileDeleted: _file_deleted,
    FileRestored: _file_restored,
}


async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    # What comes late about an erased user must not slip in beside the erasure.
    await take_append_lock(connection)
    event = recorded.event
    assert isinstance(event, UserErased | FileEvent)  # noqa: S101 - all we subscribe to
    if isinstance(event, UserErased):
        await at_once(connection, _forgetting(recorded))
    elif not await is_erased(connection, event.user_id):
        await REACTIONS[type(event)](connection, recorded)


def _forgetting(recorded: RecordedEvent) -> Sequence[Step]:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - the table below says so
    return [
        erasing(event.user_id),
        deleting("versions", event.user_id),
        partial(_forget_files, user_id=event.user_id),
        masking(_TYPES, event.user_id),
    ]


PREPARE: Mapping[type[Event], Prepare] = {UserErased: preparing(_forgetting)}


async def _forget_files(connection: AsyncConnection, *, user_id: UUID) -> bool:
    found = await connection.scalars(text(_SOME_FILES), {"user_id": user_id, "most": AT_ONCE})
    files = found.all()
    for statement in _FORGET_FILES:
        await connection.execute(text(statement), {"files": files})
    return bool(files)


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    return {
        **vars(recorded.event),
        "sequence": recorded.version,
        "changed_at": recorded.recorded_at,
        "correlation_id": recorded.metadata.correlation_id,
        "causation_id": recorded.event_id,
        "traceparent": recorded.metadata.traceparent,
    }
