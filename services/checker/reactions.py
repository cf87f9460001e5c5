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
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.erased_users import erased_among, marking_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.erasure.steps import Prepare, Step, preparing, run_steps_in
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.projection import execute_each

_SAVE_LIFE = text("""
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (:file_id, :user_id, :sequence, :deleted)
ON CONFLICT (file_id) DO UPDATE SET sequence = excluded.sequence, deleted = excluded.deleted
WHERE files.sequence < excluded.sequence
""")

_FOLLOW_LIFE = text("""
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

_SOME_FILES = "SELECT file_id FROM files WHERE user_id = :user_id LIMIT :most"
_FORGET_FILES = (
    "DELETE FROM histories WHERE file_id = ANY(:files)",
    "DELETE FROM files WHERE file_id = ANY(:files)",
)
AT_ONCE = 100  # files, each with the history of its checks

_TYPES = EventTypes(EVENTS, UPCASTERS)
FileEvent = FileUploaded | FileReplaced | FileDeleted | FileRestored


async def react(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    # What comes late about an erased user must not slip in beside the erasure.
    await take_append_lock(connection)
    for recorded in events:
        if isinstance(recorded.event, UserErased):
            await run_steps_in(connection, _forgetting(recorded))
    saves = [_values(recorded) for recorded in events if isinstance(recorded.event, FileEvent)]
    erased = await erased_among(connection, {one["user_id"] for one in saves})
    if kept := [one for one in saves if one["user_id"] not in erased]:
        await _note(connection, kept)


async def _note(connection: AsyncConnection, values: Sequence[dict[str, Any]]) -> None:
    """The lives of the files first: a new version lives as its file does."""
    await execute_each(connection, _SAVE_LIFE, values)
    await connection.execute(_FOLLOW_LIFE, {"files": [one["file_id"] for one in values]})
    await execute_each(connection, _SAVE_VERSION, [one for one in values if one["saved"]])


def _forgetting(recorded: RecordedEvent) -> Sequence[Step]:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - the table below says so
    return [
        marking_erased(event.user_id),
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
        "deleted": isinstance(recorded.event, FileDeleted),
        "saved": isinstance(recorded.event, FileUploaded | FileReplaced),
        "sequence": recorded.version,
        "changed_at": recorded.recorded_at,
        "correlation_id": recorded.metadata.correlation_id,
        "causation_id": recorded.event_id,
        "traceparent": recorded.metadata.traceparent,
    }
