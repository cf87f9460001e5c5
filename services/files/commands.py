"""What can be done with files."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.contents import check_text
from services.files.domain.file import FILE, File, Upload, delete, replace_file, stream, upload
from services.files.domain.names import check_name
from shared.errors import Conflict
from shared.eventsourcing.event import Event
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore
from shared.ids import new_id


class FileNameTaken(Conflict):
    """You already have a file of this name. Replace that one, or choose another name."""

    code = "file_name_taken"


@dataclass(frozen=True)
class Saved:
    """What a command led to; `event_id` is None when nothing had to change."""

    file_id: UUID
    version: int
    event_id: UUID | None


async def upload_file(
    connection: AsyncConnection, store: EventStore, user_id: UUID, name: str, content: bytes
) -> Saved:
    new = _checked(user_id, name, content)
    await _keep(connection, new.sha256, content)
    await _refuse_taken_name(connection, new, None)
    file_id = new_id()
    return await _save(connection, store, file_id, partial(upload, file_id=file_id, new=new))


async def replace_content(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    file_id: UUID,
    name: str,
    content: bytes,
) -> Saved:
    new = _checked(user_id, name, content)
    await _keep(connection, new.sha256, content)
    await _refuse_taken_name(connection, new, file_id)
    return await _save(connection, store, file_id, partial(replace_file, file_id=file_id, new=new))


async def delete_file(
    connection: AsyncConnection, store: EventStore, user_id: UUID, file_id: UUID
) -> Saved:
    return await _save(
        connection, store, file_id, partial(delete, file_id=file_id, user_id=user_id)
    )


def _checked(user_id: UUID, name: str, content: bytes) -> Upload:
    checked = check_name(name)
    check_text(content)
    return Upload(user_id, checked, len(content), hashlib.sha256(content).hexdigest())


async def _refuse_taken_name(
    connection: AsyncConnection, new: Upload, file_id: UUID | None
) -> None:
    # Before the first look at a read table: a rebuild takes the same two locks in this order.
    await take_append_lock(connection)
    taken = await connection.scalar(
        text(
            "SELECT file_id FROM files WHERE user_id = :user_id AND name = :name AND NOT deleted"
            " AND file_id IS DISTINCT FROM :file_id"
        ),
        {"user_id": new.user_id, "name": new.name, "file_id": file_id},
    )
    if taken is not None:
        raise FileNameTaken(file_id=str(taken))


async def _keep(connection: AsyncConnection, sha256: str, content: bytes) -> None:
    await connection.execute(
        text("INSERT INTO contents VALUES (:sha256, :content) ON CONFLICT DO NOTHING"),
        {"sha256": sha256, "content": content},
    )


async def _save(
    connection: AsyncConnection,
    store: EventStore,
    file_id: UUID,
    decide: Callable[[File], list[Event]],
) -> Saved:
    try:
        recorded = await execute(connection, store, FILE, stream(file_id), decide)
    except IntegrityError as error:  # the same name at the same moment
        raise FileNameTaken from error
    version = await connection.scalar(
        text("SELECT version FROM files WHERE file_id = :file_id"), {"file_id": file_id}
    )
    return Saved(file_id, version or 0, recorded[-1].event_id if recorded else None)
