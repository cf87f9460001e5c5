"""Upload, replace, delete and restore a file."""

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.commands.result import CommandResult
from services.files.domain import file as rules
from services.files.domain.contents import check_text
from services.files.domain.file import FILE, File, Upload, mark_of, stream
from services.files.domain.names import check_name
from services.files.storage import contents
from shared.contracts.files import FileReplaced, FileUploaded
from shared.errors import Unauthenticated
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id

_BEGIN = text("""
SELECT is_erased, taken_by, bucket_full_at FROM begin_command(:user_id, :name, :except_file)
""")
_FILE_OF_SAME_NAME = text("""
SELECT other.file_id FROM files JOIN files AS other USING (user_id, name)
WHERE files.file_id = :file_id AND user_id = :user_id AND NOT other.deleted
AND other.file_id <> files.file_id
""")
_CURRENT = text("""
SELECT f.name, f.version, v.size, v.sha256, v.saved_at, f.deleted
FROM files f JOIN file_versions v USING (file_id, version) WHERE file_id = :file_id
""")


async def upload_file(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    name: str,
    content: bytes,
    *,
    replace: bool = False,
) -> CommandResult:
    """Add a file; with `replace` a version to the user's file of this name, if there is one."""
    new = await asyncio.to_thread(_validated, user_id, name, content)
    await contents.store(connection, new.sha256, content)
    file_id = new_id()
    start = await _begin(connection, user_id, new.name, file_id)
    if replace and start.taken_by is not None:
        decide = partial(rules.replace_file, file_id=start.taken_by, new=new)
        return await _save(connection, store, start, start.taken_by, decide)
    events = rules.upload(FILE.initial, file_id, new, start.taken_by)
    [recorded] = await store.append(connection, stream(file_id), 0, events)
    return dataclasses.replace(_result_of_event(recorded, start), adds_file=True)


async def replace_content(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    name: str,
    content: bytes,
    if_version: int | None = None,
) -> CommandResult:
    """Add a version; with `if_version` only if that is the file's current version."""
    new = await asyncio.to_thread(_validated, user_id, name, content)
    await contents.store(connection, new.sha256, content)
    start = await _begin(connection, user_id, new.name, file_id)
    decide = partial(
        rules.replace_file, file_id=file_id, new=new, taken_by=start.taken_by, if_version=if_version
    )
    return await _save(connection, store, start, file_id, decide)


async def delete_file(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    if_version: int | None = None,
) -> CommandResult:
    start = await _begin(connection, user_id)
    decide = partial(rules.delete, file_id=file_id, user_id=user_id, if_version=if_version)
    return await _save(connection, store, start, file_id, decide)


async def restore_file(
    connection: AsyncConnection, store: EventStore, user_id: UUID, file_id: UUID
) -> CommandResult:
    start = await _begin(connection, user_id)
    taken_by = await connection.scalar(_FILE_OF_SAME_NAME, {"file_id": file_id, "user_id": user_id})
    decide = partial(rules.restore, file_id=file_id, user_id=user_id, taken_by=taken_by)
    saved = await _save(connection, store, start, file_id, decide)
    return dataclasses.replace(saved, adds_file=True)


def _validated(user_id: UUID, name: str, content: bytes) -> Upload:
    checked = check_name(name)
    check_text(content)
    return Upload(user_id, checked, len(content), hashlib.sha256(content).hexdigest())


class _Start(NamedTuple):
    """What a command reads first: the user's other file of the name, and their token bucket."""

    taken_by: UUID | None
    bucket_full_at: datetime | None


async def _begin(
    connection: AsyncConnection,
    user_id: UUID,
    name: str | None = None,
    except_file: UUID | None = None,
) -> _Start:
    """Take the append lock, so that what is read from here on is unchanged at the append.

    Comes before the first read of a read table: a rebuild takes the same two locks in this order.
    """
    values = {"user_id": user_id, "name": name, "except_file": except_file}
    is_erased, *found = (await connection.execute(_BEGIN, values)).one()
    if is_erased:
        raise Unauthenticated
    return _Start(*found)


async def _save(
    connection: AsyncConnection,
    store: EventStore,
    start: _Start,
    file_id: UUID,
    decide: Callable[[File], list[Event]],
) -> CommandResult:
    recorded = await execute(connection, store, FILE, stream(file_id), decide)
    if recorded and isinstance(recorded[-1].event, FileUploaded | FileReplaced):
        return _result_of_event(recorded[-1], start)
    found = (await connection.execute(_CURRENT, {"file_id": file_id})).one()
    return CommandResult(
        file_id,
        found.name,
        found.version,
        found.size,
        found.sha256,
        found.saved_at,
        recorded[-1].event_id if recorded else None,
        mark_of(found.version, deleted=found.deleted),
        bucket_full_at=start.bucket_full_at,
    )


def _result_of_event(recorded: RecordedEvent, start: _Start) -> CommandResult:
    """The result of a command that saved bytes."""
    event = recorded.event
    assert isinstance(event, FileUploaded | FileReplaced)  # noqa: S101 - all that is given
    return CommandResult(
        event.file_id,
        event.name,
        event.version,
        event.size,
        event.sha256,
        recorded.recorded_at,
        recorded.event_id,
        mark_of(event.version, deleted=False),
        changes=recorded.version,
        bucket_full_at=start.bucket_full_at,
    )
