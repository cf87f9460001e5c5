"""Which messages a consumer has had, so that one that comes again has no second effect."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.eventsourcing.erasure import is_erased

# The feed keeps a week, and a queue delivers again as soon as its consumer is there.
REMEMBERED = timedelta(days=30)
PRUNED_AT_ONCE = 10_000  # rows; some hundredths of a second
# What was recorded before that may have been had and forgotten; a day for clocks that differ.
JUDGED = REMEMBERED - timedelta(days=1)
_SIZE = 32  # bytes of a SHA-256

_PRUNE = """
DELETE FROM inbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM inbox
    WHERE consumer IN (:consumer, :buried) AND received_at < now() - CAST(:remembered AS interval)
    LIMIT :rows
))
"""

_MISSING = """
SELECT told.event_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS told (event_id, recorded_at)
WHERE told.recorded_at > now() - CAST(:judged AS interval) AND NOT EXISTS (
    SELECT FROM inbox
    WHERE inbox.event_id = told.event_id AND inbox.consumer IN (:consumer, :buried)
)
"""


class DigestMismatchError(Exception):
    """An id that was here before comes back with another body."""


class Digest(NamedTuple):
    """SHA-256 of an event, and of the event as it is once its person is erased."""

    whole: bytes
    masked: bytes
    has_personal: bool

    def is_of(self, known: bytes) -> bool:
        """Whether `known`, 64 bytes of the inbox, or 32 of an older one, is of the same event."""
        whole, masked = known[:_SIZE], known[_SIZE:]
        if self.whole == whole:
            return True
        return self.masked == masked and (self.is_masked or whole == masked)

    @property
    def is_masked(self) -> bool:
        """Whether the event came without its personal fields."""
        return self.has_personal and self.whole == self.masked


async def is_new(
    connection: AsyncConnection, consumer: str, event_id: UUID, digest: Digest, person: UUID | None
) -> bool:
    """Note the message, which is about `person`; False when it was noted before.

    Raises:
        DigestMismatchError: the id is known, with another body.
    """
    result = await connection.execute(
        text(
            "INSERT INTO inbox (consumer, event_id, digest) VALUES (:consumer, :event_id, :digest)"
            " ON CONFLICT (consumer, event_id) DO NOTHING"
        ),
        {"consumer": consumer, "event_id": event_id, "digest": digest.whole + digest.masked},
    )
    if result.rowcount == 1:
        return True
    return not await is_known(connection, consumer, event_id, digest, person)


async def is_known(
    connection: AsyncConnection, consumer: str, event_id: UUID, digest: Digest, person: UUID | None
) -> bool:
    """Whether the message, which is about `person`, was noted.

    Raises:
        DigestMismatchError: the id is known, with another body.
    """
    row = await connection.execute(
        text("SELECT digest FROM inbox WHERE consumer = :consumer AND event_id = :event_id"),
        {"consumer": consumer, "event_id": event_id},
    )
    noted = row.scalar_one_or_none()
    if noted is None:
        return False
    known = bytes(noted)
    if digest.is_of(known) or await _was_erased(connection, known, digest, person):
        return True
    raise DigestMismatchError(str(event_id))


async def _was_erased(
    connection: AsyncConnection, known: bytes, digest: Digest, person: UUID | None
) -> bool:
    """Whether a row of an older inbox, which can't tell, may be of the event before its masking."""
    if len(known) > _SIZE or not digest.is_masked or person is None:
        return False
    return await is_erased(connection, person)


async def note_buried(connection: AsyncConnection, consumer: str, event_id: UUID) -> None:
    """Note that the event was laid aside, so that nobody misses it; it may be had later."""
    await connection.execute(
        text(
            "INSERT INTO inbox (consumer, event_id, digest) VALUES (:buried, :event_id, '')"
            " ON CONFLICT DO NOTHING"
        ),
        {"buried": _buried(consumer), "event_id": event_id},
    )


async def missing(
    connection: AsyncConnection, consumer: str, events: Sequence[tuple[UUID, datetime]]
) -> set[UUID]:
    """Of these events, by id and time, those the consumer has neither had nor laid aside.

    What is older than the inbox remembers counts as had.
    """
    values = {
        "ids": [event_id for event_id, _ in events],
        "times": [recorded_at for _, recorded_at in events],
        "judged": JUDGED,
        "consumer": consumer,
        "buried": _buried(consumer),
    }
    return set((await connection.execute(text(_MISSING), values)).scalars())


def _buried(consumer: str) -> str:
    return f"{consumer}.buried"


async def prune(connection: AsyncConnection, consumer: str) -> int:
    """Forget messages older than anything that can still come again; how many, within a bound."""
    result = await connection.execute(
        text(_PRUNE),
        {
            "consumer": consumer,
            "buried": _buried(consumer),
            "remembered": REMEMBERED,
            "rows": PRUNED_AT_ONCE,
        },
    )
    return result.rowcount
