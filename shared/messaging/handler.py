"""What messages do to a service's tables: all of a batch in one transaction, or one alone."""

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.db import Database
from shared.eventsourcing.causation import correlation_scope
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.inbox import Told, is_known, new_among
from shared.eventsourcing.probe import probe_write
from shared.eventsourcing.steps import Prepare
from shared.logging import log
from shared.messaging.judgement import may_be_to_blame
from shared.messaging.reading import Received

React = Callable[[AsyncConnection, Sequence[RecordedEvent]], Awaitable[None]]
"""Changes the tables because of events that have arrived together, in the order of arrival."""

ReactToOne = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]


def one_by_one(react: ReactToOne) -> React:
    """The reaction to a set for which there is nothing to be done for all of it at once."""

    async def react_to_each(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            with correlation_scope(recorded):
                await react(connection, recorded)

    return react_to_each


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
            new = await self._once(connection, batch)
        duration = round(1000 * (time.monotonic() - started))
        log.info("batch_handled", messages=len(batch), new=new, duration_ms=duration)

    async def alone(self, received: Received) -> Exception | None:
        """What speaks against the message itself; None when it had its effect.

        Against it speaks only an error that the database raises, or our code, while the same
        transaction can write and commit. Any other error is raised.
        """
        fault: Exception | None = None
        async with self._database.transaction() as connection:
            try:
                async with connection.begin_nested():
                    await self._once(connection, [received])
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
        async with self._database.transaction() as connection:
            if await is_known(connection, self._service, _told(received)):
                return True
        with correlation_scope(received.recorded):
            return await prepare(self._database, received.recorded)

    async def _once(self, connection: AsyncConnection, batch: Sequence[Received]) -> int:
        """React to the messages that are new; how many that were."""
        new = await new_among(connection, self._service, [_told(received) for received in batch])
        first: dict[UUID, RecordedEvent] = {}
        for received in batch:
            first.setdefault(received.recorded.event_id, received.recorded)
        events = [recorded for event_id, recorded in first.items() if event_id in new]
        if events:
            parents = (recorded.metadata.traceparent for recorded in events)
            with telemetry.linked(parents, f"{self._service} reacts"):
                await self._react(connection, events)
        return len(events)


def _told(received: Received) -> Told:
    recorded = received.recorded
    return Told(recorded.event_id, received.digest, recorded.metadata.user_id)
