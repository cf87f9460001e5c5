"""When a user is erased: delete their files and contents, and mask their events."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.owner import OwnerErased, stream
from services.files.storage import contents
from shared.contracts.auth import UserErased
from shared.eventsourcing.erasure.erased_users import marking_erased
from shared.eventsourcing.erasure.masking import masking
from shared.eventsourcing.erasure.row_deletion import deleting
from shared.eventsourcing.erasure.steps import Prepare, Step, preparing, run_steps_in
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.store import EventStore
from shared.messaging.reactions import React, one_by_one

_DELETE_VERSIONS = text("""
DELETE FROM file_versions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM file_versions WHERE user_id = :user_id LIMIT :batch))
RETURNING sha256, kept
""")
TABLES = ("files", "usage", "idempotency_keys", "upload_buckets")


def reacting(store: EventStore) -> React:
    """The reaction to the events consumed."""
    return one_by_one(partial(_erase, store=store))


def preparations(store: EventStore) -> Mapping[type[Event], Prepare]:
    """The steps that are done before the transaction of the reaction."""
    return {UserErased: preparing(partial(_erasure_steps, store=store))}


async def _erase(connection: AsyncConnection, recorded: RecordedEvent, store: EventStore) -> None:
    await run_steps_in(connection, _erasure_steps(recorded, store))
    user_id = _erased_user(recorded)
    if not await store.load(connection, stream(user_id)):
        # By this event a rebuild that has begun before learns of the erasure.
        await store.append(connection, stream(user_id), 0, [OwnerErased(user_id=user_id)])


def _erasure_steps(recorded: RecordedEvent, store: EventStore) -> Sequence[Step]:
    user_id = _erased_user(recorded)
    return [
        marking_erased(user_id),
        partial(_delete_versions, user_id=user_id),
        *(deleting(table, user_id) for table in TABLES),
        masking(store.types, user_id),
    ]


def _erased_user(recorded: RecordedEvent) -> UUID:
    event = recorded.event
    assert isinstance(event, UserErased)  # noqa: S101 - all we subscribe to
    return event.user_id


async def _delete_versions(connection: AsyncConnection, *, user_id: UUID) -> bool:
    """Delete versions, and the contents that nobody else refers to."""
    values = {"user_id": user_id, "batch": contents.DELETE_BATCH}
    versions = (await connection.execute(_DELETE_VERSIONS, values)).all()
    await contents.delete_unwanted(connection, {row.sha256 for row in versions if row.kept})
    return bool(versions)
