"""From the event table to the broker: the table is the outbox."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import PUBLISHED
from shared.db import Database, DatabaseAway, telling_away
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.store import EventStore
from shared.messaging.envelope import routing_key, to_message, to_public_message
from shared.messaging.publisher import Publisher
from shared.messaging.topology import EVENTS, PUBLIC

BATCH = 50  # events, each up to some megabytes
PROBE_EVERY = 5.0  # seconds without events, until the broker is asked whether it takes any
CHECKPOINT = "relay"
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
        self._names = [event.type_name() for event in PUBLISHED[service]]
        self._connection: AsyncConnection | None = None
        self.doorbell = asyncio.Event()
        self._probe_at = 0.0
        self.is_well = False  # the last step found all it needs, or another copy in the lead
        self.trouble: DatabaseAway | None = None  # where it is not the broker that was lacking

    async def step(self) -> bool:
        """Publish the next batch; False when there is nothing to publish, or another copy leads."""
        try:
            with telling_away():
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

        raw = await connection.get_raw_connection()
        await raw.driver_connection.add_listener(  # type: ignore[union-attr]
            f"events_{self._schema}", ring
        )

    async def _publish_batch(self, connection: AsyncConnection) -> bool:
        async with connection.begin():
            events = await self._next_events(connection)
        if not events:
            return False
        for exchange, message in ((EVENTS, to_message), (PUBLIC, to_public_message)):
            await self._publisher.publish(
                exchange, [(routing_key(event), message(event)) for event in events]
            )
        async with connection.begin():
            await connection.execute(
                text(
                    "INSERT INTO checkpoints (name, position) VALUES (:name, :position)"
                    " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
                ),
                {"name": CHECKPOINT, "position": events[-1].position},
            )
        return True

    async def _next_events(self, connection: AsyncConnection) -> list[RecordedEvent]:
        position = await connection.scalar(
            text("SELECT position FROM checkpoints WHERE name = :name"), {"name": CHECKPOINT}
        )
        return await self._store.read_page(connection, position or 0, BATCH, self._names)
