"""A service's queue, read as long as the service runs."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.event import Event, EventTypes
from shared.eventsourcing.inbox import PRUNED_AT_ONCE, prune
from shared.eventsourcing.steps import Prepare
from shared.logging import log
from shared.messaging.connection import BrokerAway
from shared.messaging.handler import React
from shared.messaging.handling import Handling
from shared.messaging.judgement import BROKER_TROUBLE, may_be_to_blame
from shared.messaging.reading import Arrived
from shared.messaging.subscription import Subscription
from shared.messaging.waiting import Waiting

PRUNE_EVERY = 3600.0  # seconds
# Seconds of silence after which it connects anew: the broker may deliver nothing, and say nothing
# of it. It tells no consumer of a queue that is deleted and declared again at once.
RECONNECT_AFTER = 60.0


class Consumer:
    """Reads a service's queue and lets `react` change the service's tables (`Handling`)."""

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
        handled: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the routing keys to bind, and what `Handling` takes."""
        self._service, self._database = service, database
        self._subscription = Subscription(service, url, bindings)
        self._waiting = Waiting(service, lambda: self._subscription.is_connected)
        self._handling = Handling(
            service, url, database, types, react, self._waiting, prepare, erased, handled
        )
        self._batch: Sequence[Arrived] = ()
        self._prune_at, self._heard_at = 0.0, 0.0

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive and be handled."""
        return self._subscription.is_ready and self.trouble is None

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
            if not self._subscription.is_open or self._is_to_reconnect():
                await self._begin()
            self._handling.check()
            self._batch = await self._subscription.next_batch()
            if not self._batch:
                await self._prune()
                return False
            self._heard_at = time.monotonic()
            for message in await self._handling.handle(self._batch):
                self._subscription.postpone(message)
        except BaseException:
            await self.close()  # what was not acknowledged will be delivered again
            raise
        finally:
            self._batch = ()
        return True

    def in_hand(self) -> set[str | None]:
        """The ids of messages that have arrived and are not yet done with."""
        held = (*self._batch, *self._subscription.waiting, *self._handling.being_buried)
        return {message.message_id for message in held}

    async def close(self) -> None:
        await self._subscription.close()
        await self._handling.close()

    def _is_to_reconnect(self) -> bool:
        """What is on its way to the dead letters is held: given back, it would be buried twice."""
        silent = time.monotonic() - self._heard_at > RECONNECT_AFTER
        return silent and not self._handling.being_buried

    async def _begin(self) -> None:
        await self._subscription.close()
        await self._handling.probe()  # no messages while nothing can be done
        await self._subscription.open()
        self._heard_at = time.monotonic()

    async def _prune(self) -> None:
        """Forget old messages now and then; at the next rest again where that was not all."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY
        async with self._database.transaction() as connection:
            pruned = await prune(connection, self._service)
        if pruned == PRUNED_AT_ONCE:
            self._prune_at = 0.0
