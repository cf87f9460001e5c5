"""What can be done with files."""

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import contents
from services.files.domain import file as rules
from services.files.domain.contents import check_text
from services.files.domain.file import FILE, File, Upload, mark_of, stream
from services.files.domain.names import check_name
from shared.contracts.files import FileReplaced, FileUploaded, Mark
from shared.errors import Unauthenticated
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id


@dataclass(frozen=True)
class Saved:
    """The file as a command left it, and what that costs.

    `event_id` is None when nothing had to change. `adds_file`: there is a living file more.
    `changes` are the file's events up to this one where it saved bytes, else 0. `bucket_full_at`
    is what `limits.charge` takes a token from, as it was when the command became the only writer.
    """

    file_id: UUID
    name: str
    version: int
    size: int
    sha256: str
    saved_at: datetime
    event_id: UUID | None
    mark: Mark
    adds_file: bool = False
    changes: int = 0
    bucket_full_at: datetime | None = None

    @property
    def unchanged(self) -> bool:
        return self.event_id is None


async def upload_file(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    name: str,
    content: bytes,
    *,
    replace: bool = False,
) -> Saved:
    """A new file; with `replace` the next version of the user's own one of this name."""
    new = await asyncio.to_thread(_checked, user_id, name, content)
    await contents.keep(connection, new.sha256, content)
    file_id = new_id()
    begun = await _begin(connection, user_id, new.name, file_id)
    if replace and begun.taken_by is not None:
        again = partial(rules.replace_file, file_id=begun.taken_by, new=new)
        return await _save(connection, store, begun, begun.taken_by, again)
    events = rules.upload(FILE.initial, file_id, new, begun.taken_by)
    [recorded] = await store.append(connection, stream(file_id), 0, events)
    return dataclasses.replace(_saved(recorded, begun), adds_file=True)


async def replace_content(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    name: str,
    content: bytes,
    if_version: int | None = None,
) -> Saved:
    """With `if_version` only if that is still the file's version."""
    new = await asyncio.to_thread(_checked, user_id, name, content)
    await contents.keep(connection, new.sha256, content)
    begun = await _begin(connection, user_id, new.name, file_id)
    decide = partial(
        rules.replace_file, file_id=file_id, new=new, taken_by=begun.taken_by, if_version=if_version
    )
    return await _save(connection, store, begun, file_id, decide)


async def delete_file(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    if_version: int | None = None,
) -> Saved:
    begun = await _begin(connection, user_id)
    decide = partial(rules.delete, file_id=file_id, user_id=user_id, if_version=if_version)
    return await _save(connection, store, begun, file_id, decide)


async def restore_file(
    connection: AsyncConnection, store: EventStore, user_id: UUID, file_id: UUID
) -> Saved:
    begun = await _begin(connection, user_id)
    taken_by = await connection.scalar(_NAMESAKE, {"file_id": file_id, "user_id": user_id})
    decide = partial(rules.restore, file_id=file_id, user_id=user_id, taken_by=taken_by)
    saved = await _save(connection, store, begun, file_id, decide)
    return dataclasses.replace(saved, adds_file=True)


def _checked(user_id: UUID, name: str, content: bytes) -> Upload:
    checked = check_name(name)
    check_text(content)
    return Upload(user_id, checked, len(content), hashlib.sha256(content).hexdigest())


_BEGIN = text("""
SELECT * FROM begin_command(:user_id, :name, :but)
""")
_NAMESAKE = text("""
SELECT other.file_id FROM files JOIN files AS other USING (user_id, name)
WHERE files.file_id = :file_id AND user_id = :user_id AND NOT other.deleted
AND other.file_id <> files.file_id
""")


class _Begun(NamedTuple):
    """What a command finds: the user's other living file of the name, and their bucket."""

    taken_by: UUID | None
    bucket_full_at: datetime | None


async def _begin(
    connection: AsyncConnection, user_id: UUID, name: str | None = None, but: UUID | None = None
) -> _Begun:
    """Become the only writer, so that what is read from here on still holds at the append.

    Comes before the first look at a read table: a rebuild takes the same two locks in this order.
    """
    values = {"user_id": user_id, "name": name, "but": but}
    is_erased, *found = (await connection.execute(_BEGIN, values)).one()
    if is_erased:
        raise Unauthenticated
    return _Begun(*found)


_OUTCOME = text("""
SELECT f.name, f.version, v.size, v.sha256, v.saved_at, f.deleted
FROM files f JOIN file_versions v USING (file_id, version) WHERE file_id = :file_id
""")


async def _save(
    connection: AsyncConnection,
    store: EventStore,
    begun: _Begun,
    file_id: UUID,
    decide: Callable[[File], list[Event]],
) -> Saved:
    recorded = await execute(connection, store, FILE, stream(file_id), decide)
    if recorded and isinstance(recorded[-1].event, FileUploaded | FileReplaced):
        return _saved(recorded[-1], begun)
    found = (await connection.execute(_OUTCOME, {"file_id": file_id})).one()
    return Saved(
        file_id,
        found.name,
        found.version,
        found.size,
        found.sha256,
        found.saved_at,
        recorded[-1].event_id if recorded else None,
        mark_of(found.version, deleted=found.deleted),
        bucket_full_at=begun.bucket_full_at,
    )


def _saved(recorded: RecordedEvent, begun: _Begun) -> Saved:
    """What an event says that saved bytes."""
    event = recorded.event
    assert isinstance(event, FileUploaded | FileReplaced)  # noqa: S101 - all that is given
    return Saved(
        event.file_id,
        event.name,
        event.version,
        event.size,
        event.sha256,
        recorded.recorded_at,
        recorded.event_id,
        mark_of(event.version, deleted=False),
        changes=recorded.version,
        bucket_full_at=begun.bucket_full_at,
    )
