"""What messages do to a service's tables: a whole batch in one transaction, or one alone."""

import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.db import Database
from shared.db.write_probe import probe_write
from shared.eventsourcing.causation import correlation_scope
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import RecordedEvent
from shared.logging import log
from shared.messaging.decoding import DecodedMessage
from shared.messaging.error_classification import may_be_message_fault
from shared.messaging.inbox import InboxMessage, record_new, was_recorded

React = Callable[[AsyncConnection, Sequence[RecordedEvent]], Awaitable[None]]
"""Changes the tables because of events that have arrived together, in the order of arrival."""

ReactToOne = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]

AfterCommit = Callable[[Sequence[RecordedEvent]], None]
"""Called with the events of a transaction once it is committed, repeated events among them."""

_CHECK_CONSTRAINTS = text("""
SET CONSTRAINTS ALL IMMEDIATE
""")


def no_follow_up(_: Sequence[RecordedEvent]) -> None:
    """The `AfterCommit` that does nothing."""


def one_by_one(react: ReactToOne) -> React:
    """The reaction to a batch that reacts to each of its events by itself."""

    async def react_to_each(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            with correlation_scope(recorded):
                await react(connection, recorded)

    return react_to_each


class ReactionRunner:
    """Runs `react` in transactions, once for each message."""

    def __init__(self, service: str, database: Database, react: React) -> None:
        self._service, self._database, self._react = service, database, react

    async def probe(self) -> None:
        """Raise unless the database takes writes."""
        async with self._database.transaction() as connection:
            await probe_write(connection, self._service)

    async def run_batch(self, batch: Sequence[DecodedMessage]) -> None:
        """One transaction: all messages have their effect, or none has and it raises."""
        started = time.monotonic()
        async with self._database.transaction() as connection:
            new = await self._react_to_new(connection, batch)
        duration = round(1000 * (time.monotonic() - started))
        log.info("batch_handled", messages=len(batch), new=new, duration_ms=duration)

    async def run_alone(self, message: DecodedMessage) -> Exception | None:
        """What speaks against the message itself; None when it had its effect.

        Only an error of the database about values, or of our code, counts, and only if the same
        transaction can write and commit. Any other error is raised.
        """
        fault: Exception | None = None
        async with self._database.transaction() as connection:
            try:
                async with connection.begin_nested():
                    await self._react_to_new(connection, [message])
                    await connection.execute(_CHECK_CONSTRAINTS)
            except Exception as error:
                if not may_be_message_fault(error):
                    raise
                fault = error
            if fault is not None:
                await probe_write(connection, self._service)
        return fault

    async def run_prepare(self, message: DecodedMessage, prepare: Prepare) -> bool:
        """Do what goes before the transaction, for one time slice; False when more of it is left.

        Nothing for a message that the inbox has; raises if its id belonged to another message.
        """
        async with self._database.transaction() as connection:
            if await was_recorded(connection, self._service, _inbox_message(message)):
                return True
        with correlation_scope(message.recorded):
            return await prepare(self._database, message.recorded)

    async def _react_to_new(
        self, connection: AsyncConnection, batch: Sequence[DecodedMessage]
    ) -> int:
        """React to the messages that are new; how many those are."""
        new = await record_new(connection, self._service, [_inbox_message(one) for one in batch])
        first: dict[UUID, RecordedEvent] = {}
        for message in batch:
            first.setdefault(message.recorded.event_id, message.recorded)
        events = [recorded for event_id, recorded in first.items() if event_id in new]
        if events:
            parents = (recorded.metadata.traceparent for recorded in events)
            with telemetry.linked(parents, f"{self._service} reacts"):
                await self._react(connection, events)
        return len(events)


def _inbox_message(message: DecodedMessage) -> InboxMessage:
    return InboxMessage(message.recorded.event_id, message.digest)
