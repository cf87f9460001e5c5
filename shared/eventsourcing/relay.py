"""From the event table to the broker: the table is the outbox.

One event that can't be published stops nothing: it is set aside (`set_aside.py`), where an operator
sees it, and tried again from time to time. Consumers need no order.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import PUBLISHED
from shared.db import Database, DatabaseAway, translate_connection_errors
from shared.eventsourcing import checkpoints, set_aside
from shared.eventsourcing.checkpoints import RELAY
from shared.eventsourcing.pages import Row, scan
from shared.eventsourcing.probe import probe_write
from shared.eventsourcing.store import EventStore
from shared.keepalive import end_when_silent
from shared.logging import log
from shared.messaging.batches import BATCH_EVENTS
from shared.messaging.outbox import publish
from shared.messaging.publisher import Publisher

BATCH = BATCH_EVENTS  # and no more bytes than `pages.PAGE_BYTES`
LOOK_EVERY = 1.0  # seconds between two looks for what is set aside and due
# Seconds after which Postgres takes the lead from a copy that says nothing: it is frozen.
SILENCE = 20.0
PROBE_EVERY = 5.0  # seconds without events, until the broker is asked whether it takes any
LEAD = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/relay', 0))"


class Relay:
    """Publishes a service's events in position order, each at least once.

    Of several copies one works at a time: the one that holds the advisory lock. The lock lives as
    long as its connection: a copy that loses the database loses the right to move the checkpoint.
    """

    def __init__(
        self, service: str, database: Database, store: EventStore, publisher: Publisher
    ) -> None:
        """Take the service's name, its store, and a publisher nobody else uses."""
        self._schema, self._database, self._store = service, database, store
        self._publisher = publisher
        published = {event.type_name() for event in PUBLISHED[service]}
        self._private = [name for name in store.types.names() if name not in published]
        self._connection: AsyncConnection | None = None
        self.doorbell = asyncio.Event()
        self._probe_at = 0.0
        self._look_at = 0.0
        self._asked = datetime.fromtimestamp(0, UTC)  # to try again what was tried before that
        self.is_well = False  # the last step found all it needs, or another copy in the lead
        self.trouble: DatabaseAway | None = None  # where it is not the broker that was lacking

    async def step(self) -> bool:
        """Publish the next batch; False when there is nothing to publish, or another copy leads."""
        try:
            with translate_connection_errors():
                published = await self._step()
        except BaseException as error:
            self.is_well = False
            self.trouble = error if isinstance(error, DatabaseAway) else None
            await self.close()
            raise
        self.is_well, self.trouble = True, None
        return published

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.invalidate()  # the lock must not live on in the pool
                await connection.close()
        await self._publisher.close()

    async def _step(self) -> bool:
        connection = await self._lead()
        if connection is None:
            return False
        await self._publisher.connect()
        published = await self._publish_batch(connection)
        published = await self._retry_batch(connection) or published
        if published:
            self._probe_at = time.monotonic() + PROBE_EVERY
        elif time.monotonic() > self._probe_at:
            self._probe_at = time.monotonic() + PROBE_EVERY
            await self._publisher.probe()
        return published

    async def _lead(self) -> AsyncConnection | None:
        if self._connection is not None:
            return self._connection
        connection = await self._database.connect()
        try:
            won = await connection.scalar(text(LEAD))
            if won:  # who can't move the checkpoint would publish the same events again and again
                await probe_write(connection, f"{self._schema} relay")
                await end_when_silent(connection, SILENCE)
            await connection.commit()
            if not won:
                await connection.close()
                return None
            await self._listen(connection)
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        self._connection = connection
        return connection

    async def _listen(self, connection: AsyncConnection) -> None:
        def ring(*_: Any) -> None:
            self.doorbell.set()

        def retry(*notified: Any) -> None:
            self._asked, self._look_at = datetime.fromisoformat(notified[-1]), 0.0
            self.doorbell.set()

        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.add_listener(f"events_{self._schema}", ring)
        await raw.add_listener(set_aside.channel(self._schema), retry)

    async def _publish_batch(self, connection: AsyncConnection) -> bool:
        async with connection.begin():
            position = await checkpoints.position(connection, RELAY) or 0
            page = await scan(connection, self._private, position, BATCH)
        if page.reached == position:
            return False
        reasons = await self._publish(connection, page.rows)
        async with connection.begin():
            await set_aside.note(connection, reasons)
            await checkpoints.move(connection, RELAY, page.reached)
        _tell(page.rows, reasons)
        return True

    async def _publish(
        self,
        connection: AsyncConnection,
        rows: Sequence[Row],
        before: Mapping[int, str] | None = None,
    ) -> dict[int, str]:
        """Keep the lead meanwhile: the broker may take its time."""
        publishing = asyncio.ensure_future(
            publish(self._publisher, self._store.types, rows, before)
        )
        try:
            while not (await asyncio.wait([publishing], timeout=SILENCE / 4))[0]:
                async with connection.begin():
                    await connection.execute(text("SELECT 1"))
            return publishing.result()
        finally:
            publishing.cancel()
            await asyncio.wait([publishing])

    async def _retry_batch(self, connection: AsyncConnection) -> bool:
        """Try some of the events that are set aside and due; whether any could be published."""
        if time.monotonic() < self._look_at:
            return False
        async with connection.begin():
            rows, before = await set_aside.read_due(connection, self._asked, BATCH)
        if not rows:
            self._look_at = time.monotonic() + LOOK_EVERY
            return False
        try:
            reasons = await self._publish(connection, rows, before)
        except BaseException:  # counts as a try: what makes it fail holds up nothing else meanwhile
            async with connection.begin():
                await set_aside.note(connection, before)
            raise
        published = [row.position for row in rows if row.position not in reasons]
        async with connection.begin():
            await set_aside.note(connection, reasons)
            await set_aside.release(connection, published)
        return bool(published)


def _tell(rows: Sequence[Row], reasons: Mapping[int, str]) -> None:
    for row in rows:
        if reason := reasons.get(row.position):
            log.error(
                "event_set_aside",
                position=row.position,
                event_id=str(row.event_id),
                type=row.type,
                reason=reason,
            )
