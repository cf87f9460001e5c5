"""Building the tables of projections anew while they serve."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, translate_connection_errors
from shared.eventsourcing import shadow
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.projection import History, Projection, take_append_lock
from shared.logging import log

SHORT = 100  # events that may be left to apply while writers wait
# Seconds that readers may have to wait behind the swap. It begins with little; where many readers
# overlap, or the server's own vacuum is at work, which yields after one, it takes more.
PATIENCE, MOST_PATIENCE = 0.2, 1.2
PAUSE = 10  # times as long as it tried, it lets others work before it tries again
TELL_EVERY = 10.0  # seconds
WAITS = "waits for readers that keep a transaction open; at Postgres, process"

T = TypeVar("T")
Tell = Callable[[str], object]


def _to_log(sentence: str) -> None:
    log.info("rebuild", said=sentence)


async def rebuild(
    database: Database,
    schema: str,
    projections: Sequence[Projection],
    history: History,
    *,
    skip_unreadable: bool = False,
    tell: Tell = _to_log,
) -> int:
    """Build projections anew beside the serving ones and swap them; return the events read.

    The history is read once for all of them, each page of it while the one before is applied.

    `database` connects as the schema's owner, best without a command time-out, and has two
    connections to give. Readers see the old rows until the swap and the new ones after it; writers
    wait only while the last few events are applied. As long as somebody keeps a transaction open
    that has read the tables, the swap waits, and keeps nobody.

    Raises:
        UnreadableRowError: an event can't be read, and was not to be skipped; nothing is changed.
    """
    with translate_connection_errors():
        async with _alone(database, schema, tell) as connection, database.questions() as reading:
            building = Rebuild(
                connection, reading, schema, projections, history, skip_unreadable, tell
            )
            try:
                return await building.run()
            except BaseException:
                await building.discard()
                raise


@asynccontextmanager
async def _alone(database: Database, schema: str, tell: Tell) -> AsyncIterator[AsyncConnection]:
    """The connection to rebuild on: it holds the schema's lock, for all share the shadow's place.

    The lock can't be lost without the work. Asking again, instead of waiting in a statement, keeps
    no snapshot.
    """
    connection = await database.connect()
    key = {"key": f"{schema}/rebuild"}
    query = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
    told = False
    try:
        while not await connection.scalar(query, key):
            await connection.commit()
            if not told:
                tell("waits for another rebuild")
                told = True
            await asyncio.sleep(0.5)
        await connection.commit()
        yield connection
    finally:
        await connection.invalidate()  # the lock ends with its connection
        await connection.close()


class Rebuild:
    """One rebuild of some projections."""

    def __init__(
        self,
        connection: AsyncConnection,
        reading: AsyncConnection,
        schema: str,
        projections: Sequence[Projection],
        history: History,
        skip_unreadable: bool,
        tell: Tell,
    ) -> None:
        self._connection, self._reading = connection, reading
        self._schema, self._projections = schema, projections
        self._history, self._skip_unreadable, self._tell = history, skip_unreadable, tell
        self._shadow = f"{shadow.checked_name(schema)}_rebuild"
        self._tables = [table for projection in projections for table in projection.tables]
        self._serving = shadow.names(schema, self._tables)
        self._last = self._count = 0

    async def run(self) -> int:
        tables, connection = self._tables, self._connection
        await shadow.lay(connection, self._schema, self._shadow, tables)
        # Handlers name their tables without a schema.
        await shadow.run(connection, f"SET search_path = {self._shadow}, {self._schema}")
        await connection.commit()
        await self._play()
        await shadow.run(connection, *(f"ANALYZE {self._shadow}.{table}" for table in tables))
        await connection.commit()
        await self._swap_when_nobody_reads()
        return self._count

    async def discard(self) -> None:
        """Leave nothing behind: what is in the shadow is hidden from an erasure."""
        with suppress(Exception):
            await self._connection.rollback()
            await shadow.run(self._connection, f"DROP SCHEMA IF EXISTS {self._shadow} CASCADE")
            await self._connection.commit()

    async def _play(self, *, at_once: bool = False) -> int:
        """Apply what follows, each page in a transaction or all in one; how many events that were.

        One transaction of hours would keep the server from tidying up.
        """
        count = 0
        while True:
            try:
                async with aclosing(_ahead(self._history(self._reading, self._last))) as pages:
                    async for page in pages:
                        for projection in self._projections:
                            await projection.apply(self._connection, page)
                        self._last, count = page[-1].position, count + len(page)
                        if not at_once:
                            await self._connection.commit()
            except UnreadableRowError as error:
                if not self._skip_unreadable:
                    raise
                self._tell(f"{error}; skipped")
                self._last = error.position
            else:
                break
        if not at_once:
            await self._connection.commit()
        self._count += count
        return count

    async def _catch_up(self) -> None:
        """Apply what came meanwhile, until it is little or no longer gets less."""
        before: float = math.inf
        while SHORT <= (tail := await self._play()) < before:
            before = tail

    async def _swap_when_nobody_reads(self) -> None:
        patience, tell_at = PATIENCE, time.monotonic() + TELL_EVERY / 10
        while True:
            await self._catch_up()
            if await self._could_lock(patience) and await self._swapped(patience):
                return
            if time.monotonic() >= tell_at:
                pids = await shadow.users(self._connection, self._serving)
                await self._connection.rollback()
                self._tell(f"{WAITS} {', '.join(map(str, pids)) or 'gone by now'}")
                tell_at = time.monotonic() + TELL_EVERY
            await asyncio.sleep(PAUSE * patience)
            patience = min(MOST_PATIENCE, 1.1 * patience)

    async def _could_lock(self, patience: float) -> bool:
        """Whether the tables can be had, tried without keeping the writers."""
        locked = await shadow.lock(self._connection, self._serving, patience)
        await self._connection.rollback()
        return locked

    async def _swapped(self, patience: float) -> bool:
        """Swap, unless a reader is in the way after all.

        The append lock comes first: a writer has it before it touches the tables.
        """
        last, count = self._last, self._count
        ours = ", ".join(shadow.names(self._shadow, self._tables))
        await shadow.run(self._connection, "SET LOCAL lock_timeout = 0", f"LOCK TABLE {ours}")
        await take_append_lock(self._connection, self._schema)
        await self._play(at_once=True)
        if await shadow.lock(self._connection, self._serving, patience):
            await shadow.swap(self._connection, self._schema, self._shadow, self._tables)
            await self._connection.commit()
            return True
        await self._connection.rollback()
        self._last, self._count = last, count
        return False


async def _ahead(pages: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The same; each is fetched while the one before is worked on."""
    fetching = asyncio.create_task(_next(pages))
    try:
        while (page := await fetching) is not None:
            fetching = asyncio.create_task(_next(pages))
            yield page
    finally:
        fetching.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await fetching


async def _next(pages: AsyncIterator[T]) -> T | None:
    return await anext(pages, None)
