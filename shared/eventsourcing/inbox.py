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
    SELECT old.ctid FROM unnest(CAST(:consumers AS text[])) AS told (consumer), LATERAL (
        SELECT ctid FROM inbox
        WHERE consumer = told.consumer AND received_at < now() - CAST(:remembered AS interval)
        ORDER BY received_at LIMIT :rows
    ) AS old LIMIT :rows
))
"""

# In the order of the ids: of two copies with the same messages one waits for the other.
_NOTE = text("""
INSERT INTO inbox (consumer, event_id, digest)
SELECT :consumer, event_id, digest
FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[])) AS told (event_id, digest)
ORDER BY event_id
ON CONFLICT (consumer, event_id) DO NOTHING
RETURNING event_id
""")
_KNOWN = text(
    "SELECT event_id, digest FROM inbox WHERE consumer = :consumer AND event_id = ANY(:ids)"
)

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

    @property
    def kept(self) -> bytes:
        """What the inbox keeps of it."""
        return self.whole + self.masked

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


class Told(NamedTuple):
    """A message as the inbox knows it; `person` is whom it is about."""

    event_id: UUID
    digest: Digest
    person: UUID | None


async def new_among(
    connection: AsyncConnection, consumer: str, messages: Sequence[Told]
) -> set[UUID]:
    """Note the messages; the ids of those that were not noted before.

    Raises:
        DigestMismatchError: an id is known, or comes twice, with another body.
    """
    first: dict[UUID, Told] = {}
    for told in messages:
        if not told.digest.is_of(first.setdefault(told.event_id, told).digest.kept):
            raise DigestMismatchError(str(told.event_id))
    values = {
        "consumer": consumer,
        "ids": list(first),
        "digests": [told.digest.kept for told in first.values()],
    }
    noted = set((await connection.execute(_NOTE, values)).scalars())
    others = [told for told in first.values() if told.event_id not in noted]
    known = await _known_among(connection, consumer, others) if others else set()
    return first.keys() - known


async def is_known(connection: AsyncConnection, consumer: str, told: Told) -> bool:
    """Whether the message was noted.

    Raises:
        DigestMismatchError: the id is known, with another body.
    """
    return bool(await _known_among(connection, consumer, [told]))


async def _known_among(
    connection: AsyncConnection, consumer: str, messages: Sequence[Told]
) -> set[UUID]:
    values = {"consumer": consumer, "ids": [told.event_id for told in messages]}
    rows = (await connection.execute(_KNOWN, values)).all()
    known = {row.event_id: bytes(row.digest) for row in rows}
    for told in messages:
        digest = known.get(told.event_id)
        if digest is None or told.digest.is_of(digest):
            continue
        if not await _was_erased(connection, digest, told):
            raise DigestMismatchError(str(told.event_id))
    return set(known)


async def _was_erased(connection: AsyncConnection, known: bytes, told: Told) -> bool:
    """Whether a row of an older inbox, which can't tell, may be of the event before its masking."""
    if len(known) > _SIZE or not told.digest.is_masked or told.person is None:
        return False
    return await is_erased(connection, told.person)


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
    values = {
        "consumers": [consumer, _buried(consumer)],
        "remembered": REMEMBERED,
        "rows": PRUNED_AT_ONCE,
    }
    return (await connection.execute(text(_PRUNE), values)).rowcount
