"""A service's queue, read as long as the service runs."""

import time
from collections.abc import Iterable, Mapping, Sequence

from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import Event, EventTypes
from shared.logging import log
from shared.messaging.connection import BrokerUnavailable
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.error_classification import BROKER_ERRORS, may_be_message_fault
from shared.messaging.inbox import PRUNE_LIMIT, prune
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.message_handler import MessageHandler
from shared.messaging.reactions import AfterCommit, React, no_follow_up
from shared.messaging.subscription import Subscription
from shared.messaging.transient_retry import GIVE_UP_AFTER, TransientRetry

PRUNE_INTERVAL = 3600.0  # seconds
# Seconds of silence after which it connects anew: the broker may deliver nothing, and say nothing
# of it. It tells no consumer of a queue that is deleted and declared again at once.
RECONNECT_AFTER = 60.0


class Consumer:
    """Reads a service's queue and lets `react` change the service's tables (`MessageHandler`)."""

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        types: EventTypes,
        bindings: Iterable[str],
        react: React,
        prepare: Mapping[type[Event], Prepare] | None = None,
        after_commit: AfterCommit = no_follow_up,
        *,
        dead_letters: DeadLetterPublisher | None = None,
        give_up_after: float = GIVE_UP_AFTER,
        reconnect_after: float = RECONNECT_AFTER,
        prune_limit: int = PRUNE_LIMIT,
    ) -> None:
        """Take the routing keys to bind, and what `MessageHandler` takes.

        `give_up_after` is how many seconds it holds messages that have to wait, `reconnect_after`
        after how many seconds of silence it connects anew, and `prune_limit` how many rows of the
        inbox it deletes at once.
        """
        self._service, self._database = service, database
        self._subscription = Subscription(service, url, bindings)
        self._retry = TransientRetry(
            service, lambda: self._subscription.is_connected, give_up_after
        )
        letters = dead_letters or DeadLetterPublisher(service, url, database)
        self._handler = MessageHandler(
            service, database, types, react, self._retry, letters, prepare, after_commit
        )
        self._reconnect_after, self._prune_limit = reconnect_after, prune_limit
        self._batch: Sequence[IncomingMessage] = ()
        self._prune_at, self._heard_at = 0.0, 0.0

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive and be handled."""
        return self._subscription.is_ready and self.last_error is None

    @property
    def last_error(self) -> Exception | None:
        """What keeps messages from being handled; the broker, where it is None and not ready."""
        return self._retry.last_error

    async def step(self) -> bool:
        """Handle what has arrived; False when nothing did within a second.

        Raises:
            Unavailable: something is away, or a reaction can't be done yet. Nothing is lost.
        """
        try:
            worked = await self._step()
        except BROKER_ERRORS as error:
            log.warning("consumer_interrupted", consumer=self._service, exc_info=error)
            self._retry.last_error = away = BrokerUnavailable()
            raise away from error
        except Exception as error:
            self._retry.last_error = error
            if isinstance(error, Unavailable | OSError) or may_be_message_fault(error):
                raise
            log.error("consumer_step_failed", consumer=self._service, exc_info=error)
            raise Unavailable from error  # so that work goes on soon after it is mended
        self._retry.last_error = None
        return worked

    async def _step(self) -> bool:
        try:
            if not self._subscription.is_open or self._must_reconnect():
                await self._begin()
            self._handler.check()
            self._batch = await self._subscription.next_batch()
            if not self._batch:
                await self._prune()
                return False
            self._heard_at = time.monotonic()
            for message in await self._handler.handle(self._batch):
                self._subscription.postpone(message)
        except BaseException:
            await self.close()  # what was not acknowledged will be delivered again
            raise
        finally:
            self._batch = ()
        return True

    def unacknowledged_ids(self) -> set[str | None]:
        """The ids of messages that have arrived and are not acknowledged yet."""
        waiting, letters = self._subscription.waiting, self._handler.dead_letters_under_way
        return {message.message_id for message in (*self._batch, *waiting, *letters)}

    async def close(self) -> None:
        await self._subscription.close()
        await self._handler.close()

    def _must_reconnect(self) -> bool:
        """Never while a dead letter is under way: its message would be dead-lettered twice."""
        silent = time.monotonic() - self._heard_at > self._reconnect_after
        return silent and not self._handler.dead_letters_under_way

    async def _begin(self) -> None:
        await self._subscription.close()
        await self._handler.probe()  # fetch no messages while nothing can be done
        await self._subscription.open()
        self._heard_at = time.monotonic()

    async def _prune(self) -> None:
        """Forget old messages now and then; at the next rest again where that was not all."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_INTERVAL
        async with self._database.transaction() as connection:
            pruned = await prune(connection, self._service, self._prune_limit)
        if pruned == self._prune_limit:
            self._prune_at = 0.0
