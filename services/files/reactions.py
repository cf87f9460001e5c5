"""A person who is erased leaves no file, no name and no content."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import contents
from services.files.domain.owner import OwnerErased, stream
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure import erasing, masking
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.steps import Prepare, Step, at_once, deleting, preparing
from shared.eventsourcing.store import EventStore
from shared.messaging.handler import React, one_by_one

_VERSIONS = text("""
DELETE FROM file_versions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM file_versions WHERE user_id = :user_id LIMIT :most))
RETURNING sha256, kept
""")
TABLES = ("files", "usage", "idempotency_keys", "upload_buckets")


def reacting(store: EventStore) -> React:
    """The reaction to the events consumed."""
    return one_by_one(partial(_forget, store=store))


def preparations(store: EventStore) -> Mapping[type[Event], Prepare]:
    """What goes before the transaction of the reaction."""
    return {UserErased: preparing(partial(_forgetting, store=store))}


async def _forget(connection: AsyncConnection, recorded: RecordedEvent, store: EventStore) -> None:
    await at_once(connection, _forgetting(recorded, store))
    user_id = _person(recorded)
    if not await store.load(connection, stream(user_id)):
        # A rebuild that began before the erasure hears of it by this event.
        await store.append(connection, stream(user_id), 0, [OwnerErased(user_id=user_id)])


def _forgetting(recorded: RecordedEvent, store: EventStore) -> Sequence[Step]:
    user_id = _person(recorded)
    return [
        erasing(user_id),
        partial(_forget_versions, user_id=user_id),
        *(deleting(table, user_id) for table in TABLES),
        masking(store.types, user_id),
    ]


def _person(recorded: RecordedEvent) -> UUID:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - all we subscribe to
    return event.user_id


async def _forget_versions(connection: AsyncConnection, *, user_id: UUID) -> bool:
    """With the contents that nobody else has."""
    values = {"user_id": user_id, "most": contents.DROPPED_AT_ONCE}
    versions = (await connection.execute(_VERSIONS, values)).all()
    await contents.drop_unwanted(connection, {row.sha256 for row in versions if row.kept})
    return bool(versions)
