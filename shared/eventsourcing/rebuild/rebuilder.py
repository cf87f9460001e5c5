"""Rebuilds projections: shadow tables are filled from all events, then put in place."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, translate_connection_errors
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.event import UnreadableRowError
from shared.eventsourcing.projection import History, Projection
from shared.eventsourcing.rebuild import shadow_tables
from shared.eventsourcing.rebuild.read_ahead import read_ahead
from shared.eventsourcing.rebuild.rebuild_lock import rebuild_lock
from shared.logging import log

SHORT_TAIL = 100  # events that may be left to apply while writers wait
# Seconds that readers may have to wait behind the swap. It begins with little; where many readers
# overlap, or the server's own vacuum is at work, which yields after one, it takes more.
FIRST_LOCK_TIMEOUT, MAX_LOCK_TIMEOUT = 0.2, 1.2
PAUSE_FACTOR = 10  # times the lock time-out, it lets others work before it tries again
REPORT_INTERVAL = 10.0  # seconds
WAITS = "waits for readers that keep a transaction open; at Postgres, process"

Report = Callable[[str], object]


def _to_log(sentence: str) -> None:
    log.info("rebuild", said=sentence)


async def rebuild(
    database: Database,
    schema: str,
    projections: Sequence[Projection],
    history: History,
    *,
    skip_unreadable: bool = False,
    report: Report = _to_log,
    report_interval: float = REPORT_INTERVAL,
) -> int:
    """Build projections anew beside the serving ones and swap them; return the events read.

    The history is read once for all of them, each page of it while the one before is applied.

    `database` connects as the schema's owner, best without a command time-out, and has two
    connections to give. Readers see the old rows until the swap and the new ones after it; writers
    wait only while the last few events are applied. As long as somebody keeps a transaction open
    that has read the tables, the swap waits, and makes nobody else wait. It calls
    `report` with what it waits for, every `report_interval` seconds.

    Raises:
        UnreadableRowError: an event can't be read, and was not to be skipped; nothing is changed.
    """
    options = RebuildOptions(skip_unreadable, report, report_interval)
    with translate_connection_errors():
        async with (
            rebuild_lock(database, schema, report) as connection,
            database.autocommit() as reading,
        ):
            rebuilder = Rebuilder(connection, reading, schema, projections, history, options)
            try:
                return await rebuilder.run()
            except BaseException:
                await rebuilder.discard()
                raise


@dataclass(frozen=True)
class RebuildOptions:
    """How to rebuild, as against what."""

    skip_unreadable: bool
    report: Report
    report_interval: float


class Rebuilder:
    """One rebuild of some projections."""

    def __init__(
        self,
        connection: AsyncConnection,
        reading: AsyncConnection,
        schema: str,
        projections: Sequence[Projection],
        history: History,
        options: RebuildOptions,
    ) -> None:
        """Take the connection to write with and another one to read the history with."""
        self._connection, self._reading = connection, reading
        self._schema, self._projections = schema, projections
        self._history, self._options = history, options
        self._shadow = f"{shadow_tables.checked_name(schema)}_rebuild"
        self._tables = [table for projection in projections for table in projection.tables]
        self._serving = shadow_tables.names(schema, self._tables)
        self._last = self._count = 0

    async def run(self) -> int:
        tables, connection = self._tables, self._connection
        await shadow_tables.create(connection, self._schema, self._shadow, tables)
        # Handlers name their tables without a schema.
        await shadow_tables.run(connection, f"SET search_path = {self._shadow}, {self._schema}")
        await connection.commit()
        await self._apply_history()
        analyses = (f"ANALYZE {self._shadow}.{table}" for table in tables)
        await shadow_tables.run(connection, *analyses)
        await connection.commit()
        await self._swap_when_nobody_reads()
        return self._count

    async def discard(self) -> None:
        """Leave nothing behind: an erasure does not reach the shadow tables."""
        with suppress(Exception):
            await self._connection.rollback()
            drop = f"DROP SCHEMA IF EXISTS {self._shadow} CASCADE"
            await shadow_tables.run(self._connection, drop)
            await self._connection.commit()

    async def _apply_history(self, *, in_one_transaction: bool = False) -> int:
        """Apply the events that follow, and return how many those were.

        Each page has a transaction of its own: one of hours would keep the server from vacuuming.
        """
        count = 0
        while True:
            try:
                async with aclosing(read_ahead(self._history(self._reading, self._last))) as pages:
                    async for page in pages:
                        for projection in self._projections:
                            await projection.apply(self._connection, page)
                        self._last, count = page[-1].position, count + len(page)
                        if not in_one_transaction:
                            await self._connection.commit()
            except UnreadableRowError as error:
                if not self._options.skip_unreadable:
                    raise
                self._options.report(f"{error}; skipped")
                self._last = error.position
            else:
                break
        if not in_one_transaction:
            await self._connection.commit()
        self._count += count
        return count

    async def _catch_up(self) -> None:
        """Apply what came meanwhile, until it is little or no longer gets less."""
        before: float = math.inf
        while SHORT_TAIL <= (tail := await self._apply_history()) < before:
            before = tail

    async def _swap_when_nobody_reads(self) -> None:
        interval = self._options.report_interval
        lock_timeout, report_at = FIRST_LOCK_TIMEOUT, time.monotonic() + interval / 10
        while True:
            await self._catch_up()
            if await self._could_lock(lock_timeout) and await self._try_to_swap(lock_timeout):
                return
            if time.monotonic() >= report_at:
                await self._report_users()
                report_at = time.monotonic() + interval
            await asyncio.sleep(PAUSE_FACTOR * lock_timeout)
            lock_timeout = min(MAX_LOCK_TIMEOUT, 1.1 * lock_timeout)

    async def _report_users(self) -> None:
        pids = await shadow_tables.users(self._connection, self._serving)
        await self._connection.rollback()
        self._options.report(f"{WAITS} {', '.join(map(str, pids)) or 'gone by now'}")

    async def _could_lock(self, lock_timeout: float) -> bool:
        """Whether the tables can be locked, tried while writers go on."""
        locked = await shadow_tables.lock(self._connection, self._serving, lock_timeout)
        await self._connection.rollback()
        return locked

    async def _try_to_swap(self, lock_timeout: float) -> bool:
        """Swap, unless a reader is in the way after all.

        The append lock comes first: a writer has it before it touches the tables.
        """
        last, count = self._last, self._count
        ours = ", ".join(shadow_tables.names(self._shadow, self._tables))
        await shadow_tables.run(
            self._connection, "SET LOCAL lock_timeout = 0", f"LOCK TABLE {ours}"
        )
        await take_append_lock(self._connection, self._schema)
        await self._apply_history(in_one_transaction=True)
        if await shadow_tables.lock(self._connection, self._serving, lock_timeout):
            await shadow_tables.swap(self._connection, self._schema, self._shadow, self._tables)
            await self._connection.commit()
            return True
        await self._connection.rollback()
        self._last, self._count = last, count
        return False
