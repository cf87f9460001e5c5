"""What messages do to a service's tables: all of a batch in one transaction, or one alone."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.context import causation_id, correlation_id
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.inbox import is_known, is_new
from shared.eventsourcing.probe import probe_write
from shared.eventsourcing.steps import Prepare
from shared.logging import log
from shared.messaging.judgement import may_be_to_blame
from shared.messaging.reading import Received

React = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]


class Handler:
    """Lets `react` change the tables, once for each message."""

    def __init__(self, service: str, database: Database, react: React) -> None:
        self._service, self._database, self._react = service, database, react

    async def probe(self) -> None:
        """Raise unless the database takes writes."""
        async with self._database.transaction() as connection:
            await probe_write(connection, self._service)

    async def together(self, batch: Sequence[Received]) -> None:
        """One transaction: all messages have their effect, or none has and it raises."""
        started = time.monotonic()
        async with self._database.transaction() as connection:
            new = [await self._once(connection, received) for received in batch]
        duration = round(1000 * (time.monotonic() - started))
        log.info("batch_handled", messages=len(batch), new=sum(new), duration_ms=duration)

    async def alone(self, received: Received) -> Exception | None:
        """What speaks against the message itself; None when it had its effect.

        Against it speaks only an error that the database raises, or our code, while the same
        transaction can write and commit. Any other error is raised.
        """
        fault: Exception | None = None
        async with self._database.transaction() as connection:
            try:
                async with connection.begin_nested():
                    await self._once(connection, received)
                    await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            except Exception as error:
                if not may_be_to_blame(error):
                    raise
                fault = error
            if fault is not None:
                await probe_write(connection, self._service)
        return fault

    async def prepared(self, received: Received, prepare: Prepare) -> bool:
        """Do what goes before the transaction, for one turn; False when more of it is left.

        Nothing for a message that was here before, or whose id was another's: that one raises.
        """
        recorded = received.recorded
        event_id, person = recorded.event_id, recorded.metadata.user_id
        async with self._database.transaction() as connection:
            if await is_known(connection, self._service, event_id, received.digest, person):
                return True
        with self._working_for(recorded):
            return await prepare(self._database, recorded)

    async def _once(self, connection: AsyncConnection, received: Received) -> bool:
        """Whether the message was new."""
        recorded = received.recorded
        event_id, person = recorded.event_id, recorded.metadata.user_id
        if not await is_new(connection, self._service, event_id, received.digest, person):
            return False
        with self._working_for(recorded):
            await self._react(connection, recorded)
        return True

    @contextmanager
    def _working_for(self, recorded: RecordedEvent) -> Iterator[None]:
        causation_id.set(recorded.event_id)
        correlation_id.set(recorded.metadata.correlation_id)
        name = f"{self._service} reacts to {recorded.event.type_name()}"
        with telemetry.continued(recorded.metadata.traceparent, name):
            yield
