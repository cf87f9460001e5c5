"""Events that never came are fetched from their producer, and have their effects."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.contracts.http.events import EventId
from shared.errors import Unavailable
from shared.logging import log
from shared.messaging.handling import Handling
from shared.messaging.judgement import BROKER_TROUBLE
from shared.messaging.reading import Arrived
from shared.messaging.subscription import take_batch
from shared.web.event_log import PAGE
from shared.web.producer import Fetched, Producer

PATIENCE = 30.0  # seconds for the events of one round, and for the dead letters among them
NEAR = 10  # positions between two lost events that are fetched together


class Fetching:
    """Fetches and handles what a service has missed of one producer."""

    def __init__(self, service: str, name: str, producer: Producer, handling: Handling) -> None:
        self._service, self._name = service, name
        self._producer, self._handling = producer, handling
        self._known: set[UUID] = set()  # counted as missed, and to come again
        self._failed: set[str | None] = set()  # in this round, for what is no fault of theirs
        self.missed = 0  # events, since the start

    async def handle(self, lost: Sequence[EventId]) -> Sequence[EventId]:
        """Let the events have their effects; those that have to come again.

        These are what time did not suffice for, what failed half done, and what is on its way to
        the dead letters. What had no turn this time comes first. An event that can't become a
        message can't be told by its producer, which has set it aside.
        """
        if not lost:
            return ()
        end = time.monotonic() + PATIENCE
        left, waiting = deque(lost), deque[Arrived]()
        self._failed.clear()
        while left and time.monotonic() < end:
            waiting.extend(await self._once(await self._fetch(left)))
        while waiting and time.monotonic() < end:  # an erasure takes many turns
            waiting.extend(await self._handle(take_batch(waiting)))
        await self._handling.finish(PATIENCE)
        held = (*waiting, *self._handling.being_buried)
        again = self._failed | {message.message_id for message in held}
        tried = [told for told in lost if str(told.id) in again]
        self._known &= {told.id for told in tried}
        return [*left, *tried]

    async def _fetch(self, left: deque[EventId]) -> Sequence[Fetched]:
        """The next of the events, which leave `left`; those that can't be told do, too."""
        near = _take_near(left)
        after = near[0].position - 1
        page = await self._producer.events(after, near[-1].position - after)
        if page.next > after:
            left.extendleft(reversed([told for told in near if told.position > page.next]))
        wanted = {told.id for told in near}
        found = [one for one in page.events if one.id in wanted]
        self._count({one.id for one in found})
        return found

    def _count(self, found: set[UUID]) -> None:
        new = found - self._known
        self._known |= found
        self.missed += len(new)
        if new:
            told = {"consumer": self._service, "producer": self._name, "events": len(new)}
            log.warning("events_missed", **told)

    async def _once(self, messages: Iterable[Arrived]) -> Sequence[Arrived]:
        """Handle each message for a turn; those that need another one."""
        left, again = deque(messages), list[Arrived]()
        while left:
            again += await self._handle(take_batch(left))
        return again

    async def _handle(self, batch: Sequence[Arrived]) -> Sequence[Arrived]:
        """What stands in the way of one message must not keep the others waiting."""
        try:
            return await self._handling.handle(batch)
        except Exception as error:
            if isinstance(error, (Unavailable, OSError, *BROKER_TROUBLE)):
                raise
            if len(batch) == 1:
                log.error("missed_event_waits", consumer=self._service, exc_info=error)
                self._failed.add(batch[0].message_id)
                return []
        return [left for one in batch for left in await self._handle([one])]


def _take_near(left: deque[EventId]) -> Sequence[EventId]:
    """The next events, as far as it is cheaper to fetch them together."""
    near = [left.popleft()]
    while left and 0 < left[0].position - near[-1].position <= NEAR:
        if left[0].position - near[0].position >= PAGE:
            break
        near.append(left.popleft())
    return near
