"""What can be done with files."""

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import contents
from services.files.domain import file as rules
from services.files.domain.contents import check_text
from services.files.domain.file import FILE, File, Mark, Upload, mark_of, stream
from services.files.domain.names import check_name
from shared.errors import Unauthenticated
from shared.eventsourcing.erasure import is_erased
from shared.eventsourcing.event import Event
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore
from shared.ids import new_id


@dataclass(frozen=True)
class Saved:
    """The file as a command left it, and what that costs.

    `event_id` is None when nothing had to change. `adds_file`: there is a living file more.
    `changes` are the file's events up to this one where it saved bytes, else 0.
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
    await _begin(connection, user_id)
    file_id = new_id()
    taken_by = await _living(connection, user_id, new.name, file_id)
    if replace and taken_by is not None:
        again = partial(rules.replace_file, file_id=taken_by, new=new)
        return await _save(connection, store, taken_by, again)
    decide = partial(rules.upload, file_id=file_id, new=new, taken_by=taken_by)
    return dataclasses.replace(await _save(connection, store, file_id, decide), adds_file=True)


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
    await _begin(connection, user_id)
    taken_by = await _living(connection, user_id, new.name, file_id)
    decide = partial(
        rules.replace_file, file_id=file_id, new=new, taken_by=taken_by, if_version=if_version
    )
    return await _save(connection, store, file_id, decide)


async def delete_file(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    if_version: int | None = None,
) -> Saved:
    await _begin(connection, user_id)
    decide = partial(rules.delete, file_id=file_id, user_id=user_id, if_version=if_version)
    return await _save(connection, store, file_id, decide)


async def restore_file(
    connection: AsyncConnection, store: EventStore, user_id: UUID, file_id: UUID
) -> Saved:
    await _begin(connection, user_id)
    name = await connection.scalar(
        text("SELECT name FROM files WHERE file_id = :file_id AND user_id = :user_id"),
        {"file_id": file_id, "user_id": user_id},
    )
    taken_by = await _living(connection, user_id, name, file_id) if name else None
    decide = partial(rules.restore, file_id=file_id, user_id=user_id, taken_by=taken_by)
    saved = await _save(connection, store, file_id, decide)
    return dataclasses.replace(saved, adds_file=True, changes=0)


def _checked(user_id: UUID, name: str, content: bytes) -> Upload:
    checked = check_name(name)
    check_text(content)
    return Upload(user_id, checked, len(content), hashlib.sha256(content).hexdigest())


async def _begin(connection: AsyncConnection, user_id: UUID) -> None:
    """Become the only writer, so that what is read from here on still holds at the append.

    Comes before the first look at a read table: a rebuild takes the same two locks in this order.
    """
    await take_append_lock(connection)
    if await is_erased(connection, user_id):
        raise Unauthenticated


async def _living(connection: AsyncConnection, user_id: UUID, name: str, but: UUID) -> UUID | None:
    """The user's other living file of a name."""
    found: UUID | None = await connection.scalar(
        text(
            "SELECT file_id FROM files WHERE user_id = :user_id AND name = :name AND NOT deleted"
            " AND file_id <> :but"
        ),
        {"user_id": user_id, "name": name, "but": but},
    )
    return found


_OUTCOME = """
SELECT f.name, f.version, v.size, v.sha256, v.saved_at, f.deleted
FROM files f JOIN file_versions v USING (file_id, version) WHERE file_id = :file_id
"""


async def _save(
    connection: AsyncConnection,
    store: EventStore,
    file_id: UUID,
    decide: Callable[[File], list[Event]],
) -> Saved:
    recorded = await execute(connection, store, FILE, stream(file_id), decide)
    found = (await connection.execute(text(_OUTCOME), {"file_id": file_id})).one()
    return Saved(
        file_id,
        found.name,
        found.version,
        found.size,
        found.sha256,
        found.saved_at,
        recorded[-1].event_id if recorded else None,
        mark_of(found.version, deleted=found.deleted),
        changes=recorded[-1].version if recorded else 0,
    )
