"""What the broker has lost is fetched from who told it.

An event goes to several queues. When somebody deletes a binding, or a queue with messages in it,
neither its publisher nor its consumer hears of it. But every producer keeps its events, and every
consumer knows which it has had (`inbox`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from uuid import UUID

from shared.contracts.http.events import EventId, EventIds
from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing import checkpoints
from shared.eventsourcing.inbox import missing
from shared.fetching import Fetching
from shared.judged import Judged
from shared.leading import while_leading
from shared.logging import log
from shared.messaging.connection import BrokerAway, Connection
from shared.messaging.handling import Handling
from shared.messaging.judgement import BROKER_TROUBLE, may_be_to_blame
from shared.messaging.topology import declare_queue
from shared.settling import SETTLED, Settling
from shared.web.client import ServiceAway
from shared.web.producer import Producer

EVERY = 10.0  # seconds between two rounds


class CatchingUp:
    """The loop that declares a service's queue again, and handles what never came through it.

    Judged is what was published `SETTLED` seconds ago, by what the inbox says. What waits in the
    queue is not fetched: until that has been empty, only events that were published before one
    that has come count as lost, for the broker keeps the order. What is in hand, or fails, is
    looked at again in each round, and keeps nothing else waiting.
    """

    def __init__(
        self,
        service: str,
        url: str,
        bindings: Iterable[str],
        database: Database,
        handling: Handling,
        producers: Mapping[str, Producer],
        in_hand: Callable[[], Collection[str | None]],
        *,
        settled: float = SETTLED,
    ) -> None:
        """Take whose queue it is, how its messages are handled, and who tells it events.

        `in_hand` says which messages have arrived and are being handled, by their ids; `settled` is
        the seconds that a published event may take to arrive.
        """
        self._service, self._bindings = service, list(bindings)
        self._database, self._handling, self._producers = database, handling, producers
        self._in_hand = in_hand
        self._connection = Connection(url, f"{service} catches up")
        self._settling = {name: Settling(settled) for name in producers}
        self._judged = {name: Judged() for name in producers}
        self._fetching = {
            name: Fetching(service, name, producer, handling)
            for name, producer in producers.items()
        }

    @property
    def missed(self) -> int:
        """Events that were missed since the start."""
        return sum(fetching.missed for fetching in self._fetching.values())

    async def step(self) -> bool:
        """Do one round, of each producer a page; whether there may be more to do at once.

        Raises:
            Unavailable: broker or database are away. A producer that is away is asked later.
        """
        try:
            return await self._step()
        except BROKER_TROUBLE as error:
            await self._connection.close()
            raise BrokerAway from error
        except Exception as error:
            if isinstance(error, Unavailable | OSError) or may_be_to_blame(error):
                raise
            log.error("catching_up_waits", consumer=self._service, exc_info=error)
            raise Unavailable from error

    async def close(self) -> None:
        await self._connection.close()
        await self._handling.close()
        for producer in self._producers.values():
            await producer.close()

    async def _step(self) -> bool:
        await self._declare()
        self._handling.check()
        return await while_leading(self._database, self._ask_all)

    async def _declare(self) -> None:
        """Bring back bindings that somebody has deleted, and see whether messages wait.

        A queue that is gone is left to its consumer: declared again before the broker has told of
        the deletion, it has a consumer to whom nothing is delivered.
        """
        channel = await self._connection.channel()
        await channel.declare_queue(self._service, passive=True)
        queue = await declare_queue(channel, self._service, self._bindings)
        told = queue.declaration_result
        for settling in self._settling.values():
            settling.queue_has(told.message_count or 0, told.consumer_count or 0)

    async def _ask_all(self) -> bool:
        return any([await self._ask(name) for name in self._producers])

    async def _ask(self, name: str) -> bool:
        try:
            return await self._catch_up(name)
        except ServiceAway:
            log.warning("producer_away", consumer=self._service, producer=name)
            return False

    async def _catch_up(self, name: str) -> bool:
        """Judge a page of a producer's events; whether another one is due."""
        judged = self._judged[name]
        async with self._database.transaction() as connection:
            checkpoint = await checkpoints.position(connection, _checkpoint(name))
        judged.begin_at(checkpoint or 0)
        look = self._settling[name].latest()
        until = judged.reached
        if look and not judged.is_full:
            until = max(look.published, until)
        ids = await self._producers[name].ids(judged.reached, until)
        if checkpoint is None or ids.published < judged.reached:
            await self._begin(name, ids.published, checkpoint)
            return False
        self._settling[name].note(ids.published)
        if look is None or (until == judged.reached and not judged.again):
            return False
        await self._judge(name, ids)
        if judged.checkpoint != checkpoint:
            await self._move(name, judged.checkpoint)
        return ids.next == judged.reached < until

    async def _begin(self, name: str, published: int, checkpoint: int | None) -> None:
        """The first time there is no telling what was had; a producer restored has told less."""
        if checkpoint is not None:
            log.warning("producer_went_back", consumer=self._service, producer=name)
        self._settling[name].forget()
        self._judged[name].move(published, ())
        await self._move(name, published)

    async def _judge(self, name: str, ids: EventIds) -> None:
        """Handle what is lost of a page, and of what was left before."""
        judged = self._judged[name]
        in_hand = self._all_in_hand()  # before the inbox is asked
        events = [(told.id, told.time) for told in (*judged.again, *ids.events)]
        async with self._database.transaction() as connection:
            absent = await missing(connection, self._service, events)
        page = _that_must_have_come(ids.events, absent, self._settling[name].delivered)
        reached = ids.next
        if len(page) < len(ids.events):
            reached = page[-1].position if page else judged.reached
        lost = [told for told in (*page, *judged.again) if told.id in absent]
        held = [told for told in lost if str(told.id) in in_hand]
        again = await self._fetching[name].handle(
            [told for told in lost if str(told.id) not in in_hand]
        )
        judged.move(reached, (*held, *again))

    def _all_in_hand(self) -> set[str | None]:
        return {*self._in_hand(), *(one.message_id for one in self._handling.being_buried)}

    async def _move(self, name: str, position: int) -> None:
        async with self._database.transaction() as connection:
            await checkpoints.move(connection, _checkpoint(name), position)


def _checkpoint(producer: str) -> str:
    return f"caught-up/{producer}"


def _that_must_have_come(events: list[EventId], absent: set[UUID], delivered: int) -> list[EventId]:
    """Up to the last event that has come, or all that is delivered; the rest may be on its way."""
    sure = [
        place
        for place, told in enumerate(events, 1)
        if told.id not in absent or told.position <= delivered
    ]
    return events[: sure[-1]] if sure else []
