"""What is done with messages: each has one effect."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aio_pika.abc import AbstractIncomingMessage

from shared.contracts.auth import UserErased
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.event import Event, EventTypes
from shared.eventsourcing.inbox import PRUNED_AT_ONCE, DigestMismatchError, prune
from shared.eventsourcing.steps import TURN, Prepare
from shared.logging import log
from shared.messaging.arrivals import Arrivals
from shared.messaging.burials import Burials
from shared.messaging.connection import BrokerAway
from shared.messaging.handler import Handler, React
from shared.messaging.judgement import BROKER_TROUBLE, may_be_to_blame
from shared.messaging.reading import Reader, Received, reason
from shared.messaging.waiting import Waiting

TRIES = 3
BACKOFF = 0.2  # seconds before the second try, doubled before the third
PRUNE_EVERY = 3600.0  # seconds


class Consumer:
    """Reads a service's queue and lets `react` change the service's tables.

    A batch is one transaction, its messages are acknowledged after the commit. Only a message that
    is proven to be at fault is buried: it can't be read, or its id was another's, or its reaction
    fails on its own while the database takes writes. Anything else waits, for as long as it takes.
    """

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        types: EventTypes,
        bindings: Iterable[str],
        react: React,
        prepare: Mapping[type[Event], Prepare] | None = None,
        erased: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the events to read (`types`) and the routing keys to bind; other types are acked.

        `prepare` is what goes before the transaction of an event, in turns between which others are
        handled. `erased` is called after each erasure.
        """
        self._service, self._database = service, database
        self._reader = Reader(types)
        self._prepare, self._erased = prepare or {}, erased
        self._handler = Handler(service, database, react)
        self._arrivals = Arrivals(service, url, bindings)
        self._burials = Burials(service, url, database)
        self._prune_at = 0.0
        self._waiting = Waiting(service, lambda: self._arrivals.are_connected)

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive and be handled."""
        return self._arrivals.is_ready and self.trouble is None

    @property
    def trouble(self) -> Exception | None:
        """What keeps messages from being handled; the broker, where it is None and not ready."""
        return self._waiting.trouble

    async def step(self) -> bool:
        """Handle what has arrived; False when nothing did within a second.

        Raises:
            Unavailable: something is away, or a reaction can't be done yet. Nothing is lost.
        """
        try:
            worked = await self._step()
        except BROKER_TROUBLE as error:
            log.warning("consumer_interrupted", consumer=self._service, exc_info=error)
            self._waiting.trouble = away = BrokerAway()
            raise away from error
        except Exception as error:
            self._waiting.trouble = error
            if isinstance(error, Unavailable | OSError) or may_be_to_blame(error):
                raise
            log.error("consumer_waits", consumer=self._service, exc_info=error)
            raise Unavailable from error  # so that work goes on soon after it is mended
        self._waiting.trouble = None
        return worked

    async def _step(self) -> bool:
        try:
            if not self._arrivals.are_open:
                await self._begin()
            self._burials.check()
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
        await self._burials.close()

    async def _begin(self) -> None:
        await self._arrivals.close()
        await self._handler.probe()  # no messages while nothing can be done
        await self._arrivals.open()

    async def _handle(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        readable: list[Received] = []
        for message in batch:
            try:
                received = self._reader.read(message)
            except Exception as error:
                if not may_be_to_blame(error):
                    raise
                await self._burials.begin(message, reason(error))
                continue
            if received is None:
                await message.ack()
            else:
                readable.append(received)
        plain = [one for one in readable if type(one.recorded.event) not in self._prepare]
        if plain and not await self._together(plain):
            for received in plain:
                await self._alone(received)
        await self._take_turns(
            [one for one in readable if type(one.recorded.event) in self._prepare]
        )

    async def _together(self, batch: Sequence[Received]) -> bool:
        """False when one of the messages may be at fault; then none had an effect."""
        try:
            await self._waiting.for_success(lambda: self._handler.together(batch))
        except Exception as error:
            if not may_be_to_blame(error):
                raise
            name = type(error).__name__
            log.warning("batch_split", consumer=self._service, messages=len(batch), reason=name)
            return False
        await self._acknowledge(batch)
        return True

    async def _alone(self, received: Received) -> None:
        """Bury the message when it alone is at fault, again and again; its neighbours go on."""
        fault = await self._waiting.for_success(lambda: self._handler.alone(received))
        for attempt in range(TRIES - 1):
            if fault is None or isinstance(fault, DigestMismatchError):
                break
            await asyncio.sleep(BACKOFF * 2**attempt)
            fault = await self._waiting.for_success(lambda: self._handler.alone(received))
        if fault is None:
            await self._acknowledge([received])
        elif self._has_begun(received, fault):
            log.error("message_postponed", consumer=self._service, exc_info=fault)
            self._arrivals.postpone(received.message)
        else:
            log.error("message_buried", consumer=self._service, exc_info=fault)
            await self._burials.begin(received.message, reason(fault))

    def _has_begun(self, received: Received, fault: Exception) -> bool:
        """Whether steps of the message are done already: what is half done is never buried."""
        prepares = type(received.recorded.event) in self._prepare
        return prepares and not isinstance(fault, DigestMismatchError)

    async def _acknowledge(self, batch: Sequence[Received]) -> None:
        if any(isinstance(received.recorded.event, UserErased) for received in batch):
            self._erased()
        for received in batch:
            await received.message.ack()

    async def _take_turns(self, batch: Sequence[Received]) -> None:
        """Prepare and handle one after the other; after a turn the rest waits behind what came."""
        end = time.monotonic() + TURN
        for received in batch:
            if time.monotonic() < end and await self._is_prepared(received):
                await self._alone(received)
            else:
                self._arrivals.postpone(received.message)

    async def _is_prepared(self, received: Received) -> bool:
        """Whether nothing is left to do before the transaction; there it shows what is wrong."""
        prepare = self._prepare[type(received.recorded.event)]
        try:
            return await self._waiting.for_success(
                lambda: self._handler.prepared(received, prepare)
            )
        except Exception as error:
            if not may_be_to_blame(error):
                raise
            log.exception("not_prepared", consumer=self._service)
            return True

    async def _prune(self) -> None:
        """Forget old messages now and then; at the next rest again where that was not all."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY
        async with self._database.transaction() as connection:
            pruned = await prune(connection, self._service)
        if pruned == PRUNED_AT_ONCE:
            self._prune_at = 0.0
