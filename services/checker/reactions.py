"""What events of files and auth mean for the checker: due versions, deleted files, erased users."""

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
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import erased_among, marking_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.erasure.steps import Prepare, Step, preparing, run_steps_in
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.projection import execute_each

_SAVE_FILE = text("""
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (:file_id, :user_id, :sequence, :deleted)
ON CONFLICT (file_id) DO UPDATE SET sequence = excluded.sequence, deleted = excluded.deleted
WHERE files.sequence < excluded.sequence
""")

_MARK_DELETED_VERSIONS = text("""
UPDATE versions v SET deleted = f.deleted FROM files f
WHERE f.file_id = ANY(:files) AND v.file_id = f.file_id AND NOT v.checked
  AND v.deleted <> f.deleted
""")

_SAVE_VERSION = text("""
INSERT INTO versions (file_id, version, user_id, name, sha256, size, changed_at, deleted,
                      correlation_id, causation_id, traceparent)
SELECT file_id, :version, :user_id, :name, :sha256, :size, :changed_at, deleted,
       :correlation_id, :causation_id, :traceparent
FROM files WHERE file_id = :file_id
ON CONFLICT DO NOTHING
""")

_SOME_FILES = text("""
SELECT file_id FROM files WHERE user_id = :user_id LIMIT :limit
""")
_DELETE_SNAPSHOTS = text("""
DELETE FROM histories WHERE file_id = ANY(:files)
""")
_DELETE_FILES = text("""
DELETE FROM files WHERE file_id = ANY(:files)
""")
MAX_FILES_PER_STEP = 100  # each with the snapshot of its checks

_TYPES = EventTypes(EVENTS, UPCASTERS)
FileEvent = FileUploaded | FileReplaced | FileDeleted | FileRestored


async def react(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    # Else an event that comes late about an erased user could be stored beside the erasure.
    await take_append_lock(connection)
    for recorded in events:
        if isinstance(recorded.event, UserErased):
            await run_steps_in(connection, _erasure_steps(recorded))
    saves = [_values(recorded) for recorded in events if isinstance(recorded.event, FileEvent)]
    erased = await erased_among(connection, {one["user_id"] for one in saves})
    if kept := [one for one in saves if one["user_id"] not in erased]:
        await _save(connection, kept)


async def _save(connection: AsyncConnection, values: Sequence[dict[str, Any]]) -> None:
    """Save files before versions: a new version of a deleted file is deleted as well."""
    await execute_each(connection, _SAVE_FILE, values)
    await connection.execute(_MARK_DELETED_VERSIONS, {"files": [one["file_id"] for one in values]})
    await execute_each(connection, _SAVE_VERSION, [one for one in values if one["saved"]])


def _erasure_steps(recorded: RecordedEvent) -> Sequence[Step]:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - the table below assures it
    return [
        marking_erased(event.user_id),
        deleting("versions", event.user_id),
        partial(_delete_files, user_id=event.user_id),
        masking(_TYPES, event.user_id),
    ]


PREPARE: Mapping[type[Event], Prepare] = {UserErased: preparing(_erasure_steps)}


async def _delete_files(connection: AsyncConnection, *, user_id: UUID) -> bool:
    values = {"user_id": user_id, "limit": MAX_FILES_PER_STEP}
    files = (await connection.scalars(_SOME_FILES, values)).all()
    for statement in (_DELETE_SNAPSHOTS, _DELETE_FILES):
        await connection.execute(statement, {"files": files})
    return bool(files)


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    return {
        **vars(recorded.event),
        "deleted": isinstance(recorded.event, FileDeleted),
        "saved": isinstance(recorded.event, FileUploaded | FileReplaced),
        "sequence": recorded.version,
        "changed_at": recorded.recorded_at,
        "correlation_id": recorded.metadata.correlation_id,
        "causation_id": recorded.event_id,
        "traceparent": recorded.metadata.traceparent,
    }
