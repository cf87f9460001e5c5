"""A person who is erased leaves no file, no name and no content."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import contents
from services.files.domain.owner import OwnerErased, stream
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import erase_person
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.store import EventStore

_CONTENTS = "SELECT DISTINCT sha256 FROM file_versions WHERE user_id = :user_id AND kept"


def reacting(store: EventStore) -> Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]:
    """The reaction to every event consumed."""
    return partial(_forget, store=store)


async def _forget(connection: AsyncConnection, recorded: RecordedEvent, store: EventStore) -> None:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - all we subscribe to
    if await erase_person(connection, store.types, event.user_id):
        await _erase_files(connection, store, event.user_id)


async def _erase_files(connection: AsyncConnection, store: EventStore, user_id: UUID) -> None:
    """Under the append lock, which `erase_person` has taken."""
    rows = await connection.execute(text(_CONTENTS), {"user_id": user_id})
    hashes = list(rows.scalars())
    await store.append(connection, stream(user_id), 0, [OwnerErased(user_id=user_id)])
    for table in ("idempotency_keys", "upload_buckets"):
        await connection.execute(
            text(f"DELETE FROM {table} WHERE user_id = :user_id"),  # noqa: S608 - our own names
            {"user_id": user_id},
        )
    await contents.drop_unwanted(connection, hashes)
