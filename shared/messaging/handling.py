"""What is done with messages, whichever way they came: each has one effect, or is buried."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from shared.contracts.auth import UserErased
from shared.db import Database
from shared.eventsourcing.causation import correlation_scope
from shared.eventsourcing.event import Event, EventTypes
from shared.eventsourcing.inbox import DigestMismatchError
from shared.eventsourcing.steps import TURN, Prepare
from shared.logging import log
from shared.messaging.burials import Burials
from shared.messaging.handler import Handler, React
from shared.messaging.judgement import may_be_to_blame
from shared.messaging.reading import Arrived, Reader, Received, reason
from shared.messaging.waiting import Waiting

TRIES = 3
BACKOFF = 0.2  # seconds before the second try, doubled before the third


class Handling:
    """Lets a batch of messages have their effects and acknowledges them.

    A batch is one transaction, its messages are acknowledged after the commit. Only a message that
    is proven to be at fault is buried: it can't be read, or its id was another's, or its reaction
    fails on its own while the database takes writes. Anything else waits.
    """

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        types: EventTypes,
        react: React,
        waiting: Waiting,
        prepare: Mapping[type[Event], Prepare] | None = None,
        erased: Callable[[], None] = lambda: None,
        handled: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the events to read (`types`); others are acknowledged.

        `prepare` is what goes before the transaction of an event, in turns between which others are
        handled. `erased` is called after each erasure, `handled` after each transaction. `waiting`
        waits for what is away.
        """
        self._service, self._reader = service, Reader(types)
        self._handler = Handler(service, database, react)
        self._burials = Burials(service, url, database, erased)
        self._waiting, self._prepare = waiting, prepare or {}
        self._erased, self._handled = erased, handled

    async def probe(self) -> None:
        """Raise unless something could be done now."""
        await self._handler.probe()

    def check(self) -> None:
        """Raise what kept the broker from taking a dead letter."""
        self._burials.check()

    async def finish(self, seconds: float) -> None:
        """Wait until the broker has all dead letters, or for a while; raises like `check`."""
        await self._burials.finish(seconds)

    @property
    def being_buried(self) -> Sequence[Arrived]:
        return self._burials.under_way

    async def close(self) -> None:
        await self._burials.close()

    async def handle(self, batch: Sequence[Arrived]) -> list[Arrived]:
        """Do what a turn has time for; the messages that have to come again.

        Raises:
            Exception: what stands in the way of messages that are not to blame.
        """
        readable = await self._read(batch)
        plain = [one for one in readable if type(one.recorded.event) not in self._prepare]
        if plain and not await self._together(plain):
            for received in plain:
                await self._is_done(received)
        return await self._take_turns(
            [one for one in readable if type(one.recorded.event) in self._prepare]
        )

    async def _read(self, batch: Sequence[Arrived]) -> list[Received]:
        """What can be read and is ours to handle; of the rest nothing is left to do."""
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
        return readable

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

    async def _is_done(self, received: Received) -> bool:
        """Bury the message when it alone is at fault, again and again; its neighbours go on.

        False when it has to come again: what is half done is never buried.
        """
        with correlation_scope(received.recorded):
            return await self._is_done_alone(received)

    async def _is_done_alone(self, received: Received) -> bool:
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
            return False
        else:
            log.error("message_buried", consumer=self._service, exc_info=fault)
            await self._burials.begin(received.message, reason(fault))
        return True

    def _has_begun(self, received: Received, fault: Exception) -> bool:
        """Whether steps of the message are done already."""
        prepares = type(received.recorded.event) in self._prepare
        return prepares and not isinstance(fault, DigestMismatchError)

    async def _acknowledge(self, batch: Sequence[Received]) -> None:
        self._handled()
        if any(isinstance(received.recorded.event, UserErased) for received in batch):
            self._erased()
        for received in batch:
            await received.message.ack()

    async def _take_turns(self, batch: Sequence[Received]) -> list[Arrived]:
        """Prepare and handle one after the other; what is not done by the end of the turn."""
        left: list[Arrived] = []
        end = time.monotonic() + TURN
        for received in batch:
            in_time = time.monotonic() < end and await self._is_prepared(received)
            if not in_time or not await self._is_done(received):
                left.append(received.message)
        return left

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
