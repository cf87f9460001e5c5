"""What is done with messages: each has one effect."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from uuid import UUID

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.context import causation_id, correlation_id
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.erasure import erased_among
from shared.eventsourcing.event import (
    EventTypes,
    RecordedEvent,
    UnknownEventVersionError,
    UnreadableEventError,
)
from shared.eventsourcing.inbox import PRUNED_AT_ONCE, DigestMismatchError, is_new, prune
from shared.logging import log
from shared.messaging.arrivals import Arrivals
from shared.messaging.envelope import Envelope, UnreadableMessageError, read_envelope, to_recorded
from shared.messaging.erased_letters import drop_letters, named_in
from shared.messaging.publisher import Publisher
from shared.messaging.topology import DEAD, dead_queue

PATIENCE = 60.0  # seconds to wait for the database before the broker gets the messages back
TRIES = 3
BACKOFF = 0.2  # seconds before the second try, doubled before the third
PRUNE_EVERY = 3600.0  # seconds
React = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]
Received = tuple[AbstractIncomingMessage, Envelope, RecordedEvent]


class Consumer:
    """Reads a service's queue and lets `react` change the service's tables.

    A batch is one transaction, its messages are acknowledged after the commit. A batch that fails
    is taken apart so that the guilty message harms no neighbour. While the database is away
    everything waits; nothing is dead-lettered for it.
    """

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        types: EventTypes,
        bindings: Iterable[str],
        react: React,
    ) -> None:
        """Take the events to read (`types`) and the routing keys to bind; other types are acked."""
        self._service, self._database, self._types, self._react = service, database, types, react
        self._arrivals = Arrivals(service, url, bindings)
        self._dead_letters = Publisher(url, f"{service} dead letters")
        self._prune_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive."""
        return self._arrivals.is_ready

    async def step(self) -> bool:
        """Handle what has arrived; False when nothing did within a second."""
        try:
            if not self._arrivals.are_open:
                await self._begin()
            batch = await self._arrivals.next_batch()
            if batch:
                await self._handle(batch)
            else:
                await self._prune()
        except BaseException:
            await self.close()  # what was not acknowledged will be delivered again
            raise
        return bool(batch)

    async def close(self) -> None:
        await self._arrivals.close()
        await self._dead_letters.close()

    async def _begin(self) -> None:
        await self._arrivals.close()
        async with self._database.transaction() as connection:
            await connection.execute(text("SELECT 1"))  # no messages while nothing can be done
        await self._arrivals.open()

    async def _handle(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        readable: list[Received] = []
        for message in batch:
            try:
                received = self._read(message)
            except (
                UnreadableMessageError,
                UnreadableEventError,
                UnknownEventVersionError,
            ) as error:
                await self._bury(message, f"{type(error).__name__}: {error}")
                continue
            if received is None:
                await message.ack()
            else:
                readable.append(received)
        if readable:
            await self._apply_or_split(readable)

    def _read(self, message: AbstractIncomingMessage) -> Received | None:
        envelope = read_envelope(message.body, message.content_type)
        _, name, _ = envelope.parsed_type()
        if not self._types.known(name):
            return None
        return message, envelope, to_recorded(envelope, self._types)

    async def _apply_or_split(self, batch: Sequence[Received]) -> None:
        try:
            await self._when_database_is_there(batch)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a reaction may raise anything
            if len(batch) == 1:
                await self._try_again(batch[0], error)
                return
            log.warning("batch_split", consumer=self._service, messages=len(batch))
            for received in batch:
                await self._apply_or_split([received])
        else:
            await self._drop_letters_of_erased(batch)
            for message, _, _ in batch:
                await message.ack()

    async def _try_again(self, received: Received, error: Exception) -> None:
        for attempt in range(2, TRIES + 1):
            if isinstance(error, DigestMismatchError):
                break
            await asyncio.sleep(BACKOFF * 2 ** (attempt - 2))
            try:
                await self._when_database_is_there([received])
            except Unavailable:
                raise
            except Exception as again:  # noqa: BLE001 - see above
                error = again
            else:
                await self._drop_letters_of_erased([received])
                await received[0].ack()
                return
        log.error("message_buried", consumer=self._service, exc_info=error)
        await self._bury(received[0], type(error).__name__)

    async def _drop_letters_of_erased(self, batch: Sequence[Received]) -> None:
        """Before the erasure is acknowledged, so that it is done again when it breaks off."""
        erased = {r.event.user_id for _, _, r in batch if isinstance(r.event, UserErased)}
        if erased:
            await self._drop_letters(erased)

    async def _drop_letters(self, erased: Collection[UUID] = ()) -> None:
        """Delete the letters of these people, and of those who were erased before."""

        async def among(ids: Collection[UUID]) -> set[UUID]:
            return {*erased, *await self._erased_among(ids)}

        dropped = await drop_letters(await self._dead_letters.channel(), self._service, among)
        if dropped:
            log.info("letters_dropped", consumer=self._service, letters=dropped)

    async def _erased_among(self, ids: Collection[UUID]) -> set[UUID]:
        async with self._database.transaction() as connection:
            return await erased_among(connection, ids)

    async def _when_database_is_there(self, batch: Sequence[Received]) -> None:
        pause, end = 0.5, time.monotonic() + PATIENCE
        while True:
            try:
                return await self._apply(batch)
            except Unavailable as error:
                if not self._arrivals.are_connected or time.monotonic() > end:
                    raise  # the broker will deliver the batch again
                log.warning("consumer_waits", consumer=self._service, reason=error.code)
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10.0)

    async def _apply(self, batch: Sequence[Received]) -> None:
        started = time.monotonic()
        new = 0
        async with self._database.transaction() as connection:
            for _, envelope, recorded in batch:
                if await is_new(connection, self._service, envelope.id, envelope.digest()):
                    await self._react_to(connection, recorded)
                    new += 1
        duration = round(1000 * (time.monotonic() - started))
        log.info("batch_handled", messages=len(batch), new=new, duration_ms=duration)

    async def _react_to(self, connection: AsyncConnection, recorded: RecordedEvent) -> None:
        causation_id.set(recorded.event_id)
        correlation_id.set(recorded.metadata.correlation_id)
        name = f"{self._service} reacts to {recorded.event.type_name()}"
        with telemetry.continued(recorded.metadata.traceparent, name):
            await self._react(connection, recorded)

    async def _prune(self) -> None:
        """Forget old messages now and then; at the next rest again where that was not all.

        And letters that came late: the broker buries what was delivered too often, by itself.
        """
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY
        async with self._database.transaction() as connection:
            pruned = await prune(connection, self._service)
        await self._drop_letters()
        if pruned == PRUNED_AT_ONCE:
            self._prune_at = 0.0

    async def _bury(self, message: AbstractIncomingMessage, reason: str) -> None:
        """Put the message among the dead letters, then acknowledge it: never lost in between.

        Nothing is kept about an erased person.
        """
        if await self._erased_among(named_in(message.body)):
            log.info("letters_dropped", consumer=self._service, letters=1)
            await message.ack()
            return
        log.error("dead_letter", consumer=self._service, message_id=message.message_id)
        copy = Message(
            message.body,
            headers={"x-reason": reason[:500], "x-queue": self._service},
            content_type=message.content_type,
            message_id=message.message_id,
            type=message.type,
        )
        await self._dead_letters.publish(DEAD, [(dead_queue(self._service), copy)])
        await message.ack()
