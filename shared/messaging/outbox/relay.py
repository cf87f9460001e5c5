"""The relay: publishes the event table, which is the outbox.

One event that can't be published stops no other: it is set aside (`set_aside.py`), where an
operator sees it, and tried again from time to time. Consumers need no order.
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
from shared.db import Database, DatabaseUnavailable, translate_connection_errors
from shared.db.keepalive import set_idle_session_timeout
from shared.db.write_probe import probe_write
from shared.eventsourcing import checkpoints
from shared.eventsourcing.checkpoints import RELAY
from shared.eventsourcing.pages import Row
from shared.eventsourcing.scans import scan
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.outbox import set_aside
from shared.messaging.outbox.publishing import publish
from shared.messaging.outbox.relay_limits import RELAY_LIMITS, RelayLimits
from shared.messaging.publisher import Publisher

PROBE_INTERVAL = 5.0  # seconds without events, until the broker is asked whether it takes any

_TRY_TO_LEAD = text("""
SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/relay', 0))
""")

_KEEP_SESSION = text("""
SELECT 1
""")


class Relay:
    """Publishes a service's events in position order, each at least once.

    Of several copies one works at a time: the leader, which holds an advisory lock. The lock lives
    as long as its connection: a copy that loses the database loses the right to move the
    checkpoint.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        store: EventStore,
        publisher: Publisher,
        limits: RelayLimits = RELAY_LIMITS,
    ) -> None:
        """Take the service's name, its store, and a publisher nobody else uses."""
        self._schema, self._database, self._store = service, database, store
        self._publisher, self._limits = publisher, limits
        published = {event.type_name() for event in PUBLISHED[service]}
        self._private = [name for name in store.types.names() if name not in published]
        self._connection: AsyncConnection | None = None
        self.doorbell = asyncio.Event()
        self._probe_at, self._retry_at = 0.0, 0.0
        # When an operator last asked to retry: what was tried before that is due.
        self._retry_requested = datetime.fromtimestamp(0, UTC)
        self.is_healthy = False  # the last step found all it needs, or another copy in the lead
        # None after a success, and where the broker was unavailable.
        self.last_error: DatabaseUnavailable | None = None

    async def step(self) -> bool:
        """Publish the next page; False when there is nothing to publish, or another copy leads."""
        try:
            with translate_connection_errors():
                published = await self._step()
        except BaseException as error:
            self.is_healthy = False
            self.last_error = error if isinstance(error, DatabaseUnavailable) else None
            await self.close()
            raise
        self.is_healthy, self.last_error = True, None
        return published

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.invalidate()  # the lock must not live on in the pool
                await connection.close()
        await self._publisher.close()

    async def _step(self) -> bool:
        connection = self._connection or await self._try_to_lead()
        if connection is None:
            return False
        await self._publisher.connect()
        published = await self._publish_page(connection)
        published = await self._retry_page(connection) or published
        if published:
            self._probe_at = time.monotonic() + PROBE_INTERVAL
        elif time.monotonic() > self._probe_at:
            self._probe_at = time.monotonic() + PROBE_INTERVAL
            await self._publisher.probe()
        return published

    async def _try_to_lead(self) -> AsyncConnection | None:
        connection = await self._database.connect()
        try:
            leads = await connection.scalar(_TRY_TO_LEAD)
            if leads:  # who can't move the checkpoint would publish the same events forever
                await probe_write(connection, f"{self._schema} relay")
                await set_idle_session_timeout(connection, self._limits.idle_session_timeout)
            await connection.commit()
            if not leads:
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
            self._retry_requested, self._retry_at = datetime.fromisoformat(notified[-1]), 0.0
            self.doorbell.set()

        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.add_listener(f"events_{self._schema}", ring)
        await raw.add_listener(set_aside.channel(self._schema), retry)

    async def _publish_page(self, connection: AsyncConnection) -> bool:
        async with connection.begin():
            position = await checkpoints.position(connection, RELAY) or 0
            page = await scan(
                connection, self._private, position, self._limits.page, self._limits.scan_rows
            )
        if page.reached == position:
            return False
        reasons = await self._publish(connection, page.rows)
        async with connection.begin():
            await set_aside.note(connection, reasons)
            await checkpoints.move(connection, RELAY, page.reached)
        _log_set_aside(page.rows, reasons)
        return True

    async def _publish(
        self,
        connection: AsyncConnection,
        rows: Sequence[Row],
        earlier: Mapping[int, str] | None = None,
    ) -> dict[int, str]:
        """Publish, and keep the lead meanwhile: the broker may take its time."""
        publishing = asyncio.ensure_future(
            publish(self._publisher, self._store.types, rows, earlier)
        )
        interval = self._limits.idle_session_timeout / 4
        try:
            while not (await asyncio.wait([publishing], timeout=interval))[0]:
                async with connection.begin():
                    await connection.execute(_KEEP_SESSION)
            return publishing.result()
        finally:
            publishing.cancel()
            await asyncio.wait([publishing])

    async def _retry_page(self, connection: AsyncConnection) -> bool:
        """Try some of the events that are set aside and due; whether any could be published."""
        if time.monotonic() < self._retry_at:
            return False
        schedule, limit = self._limits.retry_schedule, self._limits.page
        async with connection.begin():
            rows, earlier = await set_aside.read_due(
                connection, self._retry_requested, limit, schedule
            )
        if not rows:
            self._retry_at = time.monotonic() + self._limits.retry_poll_interval
            return False
        try:
            reasons = await self._publish(connection, rows, earlier)
        except BaseException:  # counts as a try: what makes it fail holds up nothing else meanwhile
            async with connection.begin():
                await set_aside.note(connection, earlier)
            raise
        published = [row.position for row in rows if row.position not in reasons]
        async with connection.begin():
            await set_aside.note(connection, reasons)
            await set_aside.release(connection, published)
        return bool(published)


def _log_set_aside(rows: Sequence[Row], reasons: Mapping[int, str]) -> None:
    for row in rows:
        if reason := reasons.get(row.position):
            log.error(
                "event_set_aside",
                position=row.position,
                event_id=str(row.event_id),
                type=row.type,
                reason=reason,
            )
