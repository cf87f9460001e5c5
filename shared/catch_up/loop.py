"""Catches up: what the broker has lost is fetched from the service that published it.

An event goes to several queues. When somebody deletes a binding, or a queue with messages in it,
neither the publisher nor the consumer hears of it. But every producer keeps its events, and every
consumer knows which it has handled (`inbox`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from uuid import UUID

from shared.catch_up.missed_events import ROUND_TIME, MissedEvents
from shared.catch_up.progress import CatchUpProgress
from shared.catch_up.watermark import DELIVERY_TIME, DeliveryWatermark
from shared.contracts.http.events import EventId, EventIds
from shared.coordination.leader_lock import run_as_leader
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing import checkpoints
from shared.logging import log
from shared.messaging.connection import BrokerUnavailable, Connection
from shared.messaging.error_classification import BROKER_ERRORS, may_be_message_fault
from shared.messaging.inbox import missing_events
from shared.messaging.message_handler import MessageHandler
from shared.messaging.topology import declare_queue
from shared.web.client import ServiceUnavailable
from shared.web.producer import Producer

INTERVAL = 10.0  # seconds between two rounds


class CatchUp:
    """The loop that declares a service's queue again, and handles what never came through it.

    It looks at events that were published `delivery_time` seconds ago; the inbox says which of them
    are missing. What waits in the queue is not fetched: until the queue has been empty, only events
    that were published before one that has come count as lost, for the broker keeps the order.
    What is unacknowledged, or fails, is looked at again in each round, and delays nothing else.
    """

    def __init__(
        self,
        service: str,
        url: str,
        bindings: Iterable[str],
        database: Database,
        handler: MessageHandler,
        producers: Mapping[str, Producer],
        unacknowledged_ids: Callable[[], Collection[str | None]],
        *,
        delivery_time: float = DELIVERY_TIME,
        round_time: float = ROUND_TIME,
    ) -> None:
        """Take whose queue it is, how its messages are handled, and who publishes its events.

        `unacknowledged_ids` returns the ids of messages that have arrived and are being handled;
        `delivery_time` is the seconds that a published event may take to arrive, `round_time` those
        that a round spends on the events of a producer.
        """
        self._service, self._bindings = service, list(bindings)
        self._database, self._handler, self._producers = database, handler, producers
        self._unacknowledged_ids = unacknowledged_ids
        self._connection = Connection(url, f"{service} catches up")
        self._watermarks = {name: DeliveryWatermark(delivery_time) for name in producers}
        self._progress = {name: CatchUpProgress() for name in producers}
        self._missed = {
            name: MissedEvents(service, name, producer, handler, round_time)
            for name, producer in producers.items()
        }

    @property
    def missed(self) -> int:
        """Events that were missed since the start."""
        return sum(missed.count for missed in self._missed.values())

    async def step(self) -> bool:
        """Do one round, of each producer a page; whether there may be more to do at once.

        Raises:
            Unavailable: broker or database are away. A producer that is away is asked later.
        """
        try:
            return await self._step()
        except BROKER_ERRORS as error:
            await self._connection.close()
            raise BrokerUnavailable from error
        except Exception as error:
            if isinstance(error, Unavailable | OSError) or may_be_message_fault(error):
                raise
            log.error("catch_up_failed", consumer=self._service, exc_info=error)
            raise Unavailable from error

    async def close(self) -> None:
        await self._connection.close()
        await self._handler.close()
        for producer in self._producers.values():
            await producer.close()

    async def _step(self) -> bool:
        await self._declare()
        self._handler.check()
        return await run_as_leader(self._database, self._catch_up_on_all)

    async def _declare(self) -> None:
        """Bring back bindings that somebody has deleted, and see whether messages wait.

        A queue that is gone is left to its consumer: if it were declared again before the broker
        has announced the deletion, nothing would be delivered to that consumer.
        """
        channel = await self._connection.channel()
        await channel.declare_queue(self._service, passive=True)
        queue = await declare_queue(channel, self._service, self._bindings)
        found = queue.declaration_result
        for watermark in self._watermarks.values():
            watermark.observe_queue(found.message_count or 0, found.consumer_count or 0)

    async def _catch_up_on_all(self) -> bool:
        return any([await self._try_to_catch_up_on(name) for name in self._producers])

    async def _try_to_catch_up_on(self, name: str) -> bool:
        try:
            return await self._catch_up_on(name)
        except ServiceUnavailable:
            log.warning("producer_unavailable", consumer=self._service, producer=name)
            return False

    async def _catch_up_on(self, name: str) -> bool:
        """Look at a page of a producer's events; whether another one is due."""
        progress = self._progress[name]
        async with self._database.transaction() as connection:
            checkpoint = await checkpoints.position(connection, _checkpoint(name))
        progress.resume_at(checkpoint or 0)
        due = self._watermarks[name].latest_due()
        until = progress.reached
        if due and not progress.is_full:
            until = max(due.published, until)
        ids = await self._producers[name].ids(progress.reached, until)
        if checkpoint is None or ids.published < progress.reached:
            await self._start_at(name, ids.published, checkpoint)
            return False
        self._watermarks[name].observe_published(ids.published)
        if due is None or (until == progress.reached and not progress.again):
            return False
        await self._handle_lost(name, ids)
        if progress.checkpoint != checkpoint:
            await self._move(name, progress.checkpoint)
        return ids.next == progress.reached < until

    async def _start_at(self, name: str, published: int, checkpoint: int | None) -> None:
        """Start where the producer is: the first time, or after it was restored from a backup."""
        if checkpoint is not None:
            log.warning("producer_restored", consumer=self._service, producer=name)
        self._watermarks[name].reset()
        self._progress[name].advance(published, ())
        await self._move(name, published)

    async def _handle_lost(self, name: str, ids: EventIds) -> None:
        """Handle what is lost of a page, and of what was left before."""
        progress = self._progress[name]
        unacknowledged = self._all_unacknowledged()  # before the inbox is asked
        events = [(listed.id, listed.time) for listed in (*progress.again, *ids.events)]
        async with self._database.transaction() as connection:
            missing = await missing_events(connection, self._service, events)
        page = _surely_delivered(ids.events, missing, self._watermarks[name].delivered)
        reached = ids.next
        if len(page) < len(ids.events):
            reached = page[-1].position if page else progress.reached
        lost = [listed for listed in (*page, *progress.again) if listed.id in missing]
        held = [listed for listed in lost if str(listed.id) in unacknowledged]
        again = await self._missed[name].handle(
            [listed for listed in lost if str(listed.id) not in unacknowledged]
        )
        progress.advance(reached, (*held, *again))

    def _all_unacknowledged(self) -> set[str | None]:
        letters = self._handler.dead_letters_under_way
        return {*self._unacknowledged_ids(), *(letter.message_id for letter in letters)}

    async def _move(self, name: str, position: int) -> None:
        async with self._database.transaction() as connection:
            await checkpoints.move(connection, _checkpoint(name), position)


def _checkpoint(producer: str) -> str:
    return f"caught-up/{producer}"


def _surely_delivered(events: list[EventId], missing: set[UUID], delivered: int) -> list[EventId]:
    """The events up to the last one that has come, or is delivered; others may be on their way."""
    sure = [
        count
        for count, listed in enumerate(events, 1)
        if listed.id not in missing or listed.position <= delivered
    ]
    return events[: sure[-1]] if sure else []
