"""What the broker has lost is fetched from who told it.

An event goes to several queues. When somebody deletes a binding, or a queue with messages in it,
neither its publisher nor its consumer hears of it. But every producer keeps its events, and every
consumer knows which it has had (`inbox`).
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from uuid import UUID

from shared.db import Database
from shared.errors import Unavailable
from shared.eventsourcing import checkpoints
from shared.eventsourcing.inbox import missing
from shared.leading import leading
from shared.logging import log
from shared.messaging.arrivals import take_batch
from shared.messaging.connection import BrokerAway, Connection
from shared.messaging.handling import Handling
from shared.messaging.judgement import BROKER_TROUBLE, may_be_to_blame
from shared.messaging.reading import Arrived
from shared.messaging.topology import declare_queue
from shared.settling import SETTLED, Look, Settling
from shared.web.client import ServiceAway
from shared.web.event_log import Ids, Told
from shared.web.producer import Producer

EVERY = 10.0  # seconds between two rounds
PATIENCE = 30.0  # seconds for one page


class CatchingUp:
    """The loop that declares a service's queue again, and handles what never came through it.

    Judged is what was published `SETTLED` seconds ago, by what the inbox says. What waits in the
    queue is not fetched: until that has been empty, only events that were published before one
    that has come count as lost, for the broker keeps the order. What is in hand is waited for.
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
        self.missed = 0  # events, since the start

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
        if await self._declare() == 0:
            for settling in self._settling.values():
                settling.queue_is_empty()
        async with leading(self._database) as leads:
            return leads and any([await self._ask(name) for name in self._producers])

    async def _declare(self) -> int:
        """Bring back what somebody has deleted; the messages that wait."""
        channel = await self._connection.channel()
        queue = await declare_queue(channel, self._service, self._bindings)
        return queue.declaration_result.message_count or 0

    async def _ask(self, name: str) -> bool:
        try:
            return await self._catch_up(name)
        except ServiceAway:
            log.warning("producer_away", consumer=self._service, producer=name)
            return False

    async def _catch_up(self, name: str) -> bool:
        """Judge a page of a producer's events; whether another one is due."""
        async with self._database.transaction() as connection:
            reached = await checkpoints.position(connection, _checkpoint(name))
        look = self._settling[name].latest()
        until = max(look.published if look else 0, reached or 0)
        ids = await self._producers[name].ids(reached or 0, until)
        if reached is None or ids.published < reached:
            await self._begin(name, ids.published, reached)
            return False
        self._settling[name].note(ids.published)
        if look is None or until == reached:
            return False
        judged = await self._judge(name, ids, look)
        return judged and ids.next < until

    async def _begin(self, name: str, published: int, reached: int | None) -> None:
        """The first time there is no telling what was had; a producer restored has told less."""
        if reached is not None:
            log.warning("producer_went_back", consumer=self._service, producer=name)
        self._settling[name].forget()
        await self._move(name, published)

    async def _judge(self, name: str, ids: Ids, look: Look) -> bool:
        """Handle what is lost of a page and move on; False where the rest may yet arrive."""
        in_hand = self._in_hand()  # before the inbox is asked
        events = [(told.id, told.time) for told in ids.events]
        async with self._database.transaction() as connection:
            absent = await missing(connection, self._service, events)
        judged: Sequence[Told] = ids.events
        if absent and not look.delivered:
            judged = _up_to_last_had(ids.events, absent)
        judged = list(
            takewhile(lambda one: not (one.id in absent and str(one.id) in in_hand), judged)
        )
        if not await self._handle(name, [told for told in judged if told.id in absent]):
            return False
        if len(judged) == len(ids.events):
            await self._move(name, ids.next)
            return True
        if judged:
            await self._move(name, judged[-1].position)
        return False

    async def _handle(self, name: str, lost: Sequence[Told]) -> bool:
        """Fetch the events and let them have their effects; False when one has to come again.

        The producer can't tell an event that can't become a message; it has set that one aside.
        """
        done = True
        wanted, left = {told.id for told in lost}, deque(told.position for told in lost)
        while left:
            after = left[0] - 1
            page = await self._producers[name].events(after)
            found = [one for one in page.events if one.id in wanted]
            if found:
                count = len(found)
                log.warning("events_missed", consumer=self._service, producer=name, events=count)
                done = await self._handle_all(found) and done
                self.missed += count
            if page.next == after:
                break
            while left and left[0] <= page.next:
                left.popleft()
        return done

    async def _handle_all(self, messages: Iterable[Arrived]) -> bool:
        """False when something is left after a while: it may fail half done, again and again."""
        waiting, end = deque(messages), time.monotonic() + PATIENCE
        while waiting and time.monotonic() < end:
            waiting.extend(await self._handling.handle(take_batch(waiting)))
        await self._handling.finish()
        return not waiting

    async def _move(self, name: str, position: int) -> None:
        async with self._database.transaction() as connection:
            await checkpoints.move(connection, _checkpoint(name), position)


def _checkpoint(producer: str) -> str:
    return f"caught-up/{producer}"


def _up_to_last_had(events: Sequence[Told], absent: set[UUID]) -> Sequence[Told]:
    """Up to the last event that has come; what was published after it may still be on its way."""
    had = [place for place, told in enumerate(events) if told.id not in absent]
    return events[: had[-1] + 1] if had else []
