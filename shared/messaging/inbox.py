"""The inbox: which messages a consumer has handled, so that a repeated one has no second effect."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The feed keeps a week, and a queue delivers again as soon as its consumer is there.
RETENTION = timedelta(days=30)
PRUNE_LIMIT = 10_000  # rows in one transaction; some hundredths of a second
# Older events may have been handled and forgotten; a day for clocks that differ.
CATCH_UP_WINDOW = RETENTION - timedelta(days=1)
_SHA256_BYTES = 32

_PRUNE = text("""
DELETE FROM inbox WHERE ctid = ANY (ARRAY(
    SELECT old.ctid FROM unnest(CAST(:consumers AS text[])) AS given (consumer), LATERAL (
        SELECT ctid FROM inbox
        WHERE consumer = given.consumer AND received_at < now() - CAST(:retention AS interval)
        ORDER BY received_at LIMIT :rows
    ) AS old LIMIT :rows
))
""")

# In the order of the ids: of two copies with the same messages one waits for the other.
_RECORD = text("""
INSERT INTO inbox (consumer, event_id, digest)
SELECT :consumer, event_id, digest
FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[])) AS given (event_id, digest)
ORDER BY event_id
ON CONFLICT (consumer, event_id) DO NOTHING
RETURNING event_id
""")

_RECORDED = text("""
SELECT event_id, digest FROM inbox WHERE consumer = :consumer AND event_id = ANY(:ids)
""")

_RECORD_DEAD_LETTER = text("""
INSERT INTO inbox (consumer, event_id, digest) VALUES (:dead_letters, :event_id, '')
ON CONFLICT DO NOTHING
""")

_MISSING = text("""
SELECT given.event_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS given (event_id, recorded_at)
WHERE given.recorded_at > now() - CAST(:window AS interval) AND NOT EXISTS (
    SELECT FROM inbox
    WHERE inbox.event_id = given.event_id AND inbox.consumer IN (:consumer, :dead_letters)
)
""")


class DigestMismatchError(Exception):
    """An id that the inbox has comes back with another body."""


class Digest(NamedTuple):
    """SHA-256 of an event, and of the event as it is once its person is erased."""

    whole: bytes
    masked: bytes
    has_personal: bool

    @property
    def stored(self) -> bytes:
        """What the inbox stores of it."""
        return self.whole + self.masked

    def matches(self, stored: bytes) -> bool:
        """Whether what the inbox has stored is of the same event, masked or not."""
        whole, masked = stored[:_SHA256_BYTES], stored[_SHA256_BYTES:]
        if self.whole == whole:
            return True
        return self.masked == masked and (self.is_masked or whole == masked)

    @property
    def is_masked(self) -> bool:
        """Whether the event came without its personal fields."""
        return self.has_personal and self.whole == self.masked


class InboxMessage(NamedTuple):
    """What the inbox needs of a message."""

    event_id: UUID
    digest: Digest


async def record_new(
    connection: AsyncConnection, consumer: str, messages: Sequence[InboxMessage]
) -> set[UUID]:
    """Record the messages; return the ids of those that were not recorded before.

    Raises:
        DigestMismatchError: an id is recorded, or comes twice, with another body.
    """
    first: dict[UUID, InboxMessage] = {}
    for message in messages:
        if not message.digest.matches(first.setdefault(message.event_id, message).digest.stored):
            raise DigestMismatchError(str(message.event_id))
    values = {
        "consumer": consumer,
        "ids": list(first),
        "digests": [message.digest.stored for message in first.values()],
    }
    new = set((await connection.execute(_RECORD, values)).scalars())
    others = [message for message in first.values() if message.event_id not in new]
    recorded = await _recorded_among(connection, consumer, others) if others else set()
    return first.keys() - recorded


async def was_recorded(connection: AsyncConnection, consumer: str, message: InboxMessage) -> bool:
    """Whether the inbox has the message.

    Raises:
        DigestMismatchError: it has the id, with another body.
    """
    return bool(await _recorded_among(connection, consumer, [message]))


async def _recorded_among(
    connection: AsyncConnection, consumer: str, messages: Sequence[InboxMessage]
) -> set[UUID]:
    values = {"consumer": consumer, "ids": [message.event_id for message in messages]}
    rows = (await connection.execute(_RECORDED, values)).all()
    digests = {row.event_id: bytes(row.digest) for row in rows}
    for message in messages:
        stored = digests.get(message.event_id)
        if stored is not None and not message.digest.matches(stored):
            raise DigestMismatchError(str(message.event_id))
    return set(digests)


async def record_dead_letter(connection: AsyncConnection, consumer: str, event_id: UUID) -> None:
    """Record that the event is a dead letter: it is not missing, and may be handled later."""
    values = {"dead_letters": _dead_letters(consumer), "event_id": event_id}
    await connection.execute(_RECORD_DEAD_LETTER, values)


async def missing_events(
    connection: AsyncConnection, consumer: str, events: Sequence[tuple[UUID, datetime]]
) -> set[UUID]:
    """Of these events, by id and time, those that are neither handled nor dead letters.

    Events older than `CATCH_UP_WINDOW` are never among them.
    """
    values = {
        "ids": [event_id for event_id, _ in events],
        "times": [recorded_at for _, recorded_at in events],
        "window": CATCH_UP_WINDOW,
        "consumer": consumer,
        "dead_letters": _dead_letters(consumer),
    }
    return set((await connection.execute(_MISSING, values)).scalars())


def _dead_letters(consumer: str) -> str:
    return f"{consumer}.dead-lettered"


async def prune(connection: AsyncConnection, consumer: str, limit: int = PRUNE_LIMIT) -> int:
    """Forget at most `limit` messages that are too old to come again; return how many."""
    values = {
        "consumers": [consumer, _dead_letters(consumer)],
        "retention": RETENTION,
        "rows": limit,
    }
    return (await connection.execute(_PRUNE, values)).rowcount
