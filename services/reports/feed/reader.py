"""Reads the journal for all open feeds that ask at the same time, in one query."""

import asyncio
from collections.abc import Collection, Sequence
from contextvars import Context
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from shared.db import Database

PAGE = 100  # entries for a feed at once
BATCH = 100  # feeds in a query

# Reads only what an entry needs of an event, however large the event is.
_NEXT_ENTRIES = text("""
SELECT feed.user_id, feed.after, e.position, e.type,
       e.data ->> 'file_id' AS file_id, e.data ->> 'check_id' AS check_id
FROM unnest(CAST(:users AS uuid[]), CAST(:positions AS bigint[])) AS feed (user_id, after),
LATERAL (
    SELECT position, type, data FROM journal
    WHERE user_id = feed.user_id AND position > feed.after ORDER BY position LIMIT :limit
) AS e
WHERE NOT EXISTS (SELECT FROM erased_users AS x WHERE x.user_id = feed.user_id)
ORDER BY e.position
""")


class FeedPosition(NamedTuple):
    """A user, and the position of the journal up to which their feed has been sent."""

    user_id: UUID
    after: int


class FeedEntry(NamedTuple):
    """What the feed says about an event; without ids where they can't be read."""

    position: int
    type: str
    file_id: str | None
    check_id: str | None


class FeedReader:
    """Answers all feeds of this process with one query at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[FeedPosition, asyncio.Future[Sequence[FeedEntry]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def read(self, position: FeedPosition) -> Sequence[FeedEntry]:
        """The next entries after a position, at most a page; none for an erased user."""
        if position not in self._pending:
            self._pending[position] = asyncio.get_running_loop().create_future()
        entries = self._pending[position]
        if self._reading is None or self._reading.done():
            # In a context of its own, since the deadline and the trace of the caller are not those
            # of the others.
            self._reading = asyncio.create_task(self._read_pending(), context=Context())
        return await asyncio.shield(entries)

    async def last_position(self) -> int:
        async with self._database.autocommit() as connection:
            return await journal.last_position(connection)

    async def _read_pending(self) -> None:
        """Answer batches until no feed has asked meanwhile."""
        while self._pending:
            batch = list(islice(self._pending, BATCH))
            futures = {position: self._pending.pop(position) for position in batch}
            try:
                async with self._database.autocommit() as connection:
                    found = await _next_entries(connection, batch)
            except Exception as error:  # noqa: BLE001 - the callers of `read` raise it
                for future in futures.values():
                    future.set_exception(error)
                    future.exception()  # else asyncio warns where no caller is left
            else:
                for position, future in futures.items():
                    future.set_result(found[position])


async def _next_entries(
    connection: AsyncConnection, batch: Collection[FeedPosition]
) -> dict[FeedPosition, list[FeedEntry]]:
    users, positions = zip(*batch, strict=True)
    values = {"users": list(users), "positions": list(positions), "limit": PAGE}
    found: dict[FeedPosition, list[FeedEntry]] = {position: [] for position in batch}
    for user_id, after, *entry in await connection.execute(_NEXT_ENTRIES, values):
        found[FeedPosition(user_id, after)].append(FeedEntry(*entry))
    return found
