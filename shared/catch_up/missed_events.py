"""Fetches events that never came from their producer, and has them handled."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.contracts.http.events import EventId
from shared.errors import Unavailable
from shared.logging import log
from shared.messaging.error_classification import BROKER_ERRORS
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.message_handler import MessageHandler
from shared.messaging.subscription import take_batch
from shared.web.event_log import PAGE
from shared.web.producer import Fetched, Producer

# Seconds for the events of one round, and as many for the dead letters among them.
ROUND_TIME = 30.0
MAX_GAP = 10  # positions between two lost events that are fetched together


class MissedEvents:
    """Fetches and handles what a service has missed of one producer."""

    def __init__(
        self,
        service: str,
        name: str,
        producer: Producer,
        handler: MessageHandler,
        round_time: float = ROUND_TIME,
    ) -> None:
        self._service, self._name = service, name
        self._producer, self._handler = producer, handler
        self._round_time = round_time
        self._counted: set[UUID] = set()  # as missed, and to come again
        self._failed: set[str | None] = set()  # in this round, by no fault of theirs
        self.count = 0  # events missed since the start

    async def handle(self, lost: Sequence[EventId]) -> Sequence[EventId]:
        """Let the events have their effects; return those that have to come again.

        These are what time did not suffice for, what failed half done, and what is on its way to
        the dead letters. What had no turn this time comes first. An event that can't become a
        message can't be fetched either; its producer has set it aside.
        """
        if not lost:
            return ()
        end = time.monotonic() + self._round_time
        left, waiting = deque(lost), deque[IncomingMessage]()
        self._failed.clear()
        while left and time.monotonic() < end:
            waiting.extend(await self._handle_once(await self._fetch(left)))
        while waiting and time.monotonic() < end:  # an erasure takes many time slices
            waiting.extend(await self._handle(take_batch(waiting)))
        await self._handler.finish(self._round_time)
        held = (*waiting, *self._handler.dead_letters_under_way)
        again = self._failed | {message.message_id for message in held}
        tried = [listed for listed in lost if str(listed.id) in again]
        self._counted &= {listed.id for listed in tried}
        return [*left, *tried]

    async def _fetch(self, left: deque[EventId]) -> Sequence[Fetched]:
        """The next of the events, taken from `left`; those that can't be fetched leave it, too."""
        near = _take_near(left)
        after = near[0].position - 1
        page = await self._producer.events(after, near[-1].position - after)
        if page.next > after:
            left.extendleft(reversed([listed for listed in near if listed.position > page.next]))
        wanted = {listed.id for listed in near}
        found = [one for one in page.events if one.id in wanted]
        self._count({one.id for one in found})
        return found

    def _count(self, found: set[UUID]) -> None:
        new = found - self._counted
        self._counted |= found
        self.count += len(new)
        if new:
            names = {"consumer": self._service, "producer": self._name}
            log.warning("events_missed", **names, events=len(new))

    async def _handle_once(self, messages: Iterable[IncomingMessage]) -> Sequence[IncomingMessage]:
        """Handle each message for a time slice; return those that need another one."""
        left, again = deque(messages), list[IncomingMessage]()
        while left:
            again += await self._handle(take_batch(left))
        return again

    async def _handle(self, batch: Sequence[IncomingMessage]) -> Sequence[IncomingMessage]:
        """What stands in the way of one message must not keep the others waiting."""
        try:
            return await self._handler.handle(batch)
        except Exception as error:
            if isinstance(error, (Unavailable, OSError, *BROKER_ERRORS)):
                raise
            if len(batch) == 1:
                log.error("missed_event_postponed", consumer=self._service, exc_info=error)
                self._failed.add(batch[0].message_id)
                return []
        return [left for one in batch for left in await self._handle([one])]


def _take_near(left: deque[EventId]) -> Sequence[EventId]:
    """The next events, as far as it is cheaper to fetch them together."""
    near = [left.popleft()]
    while left and 0 < left[0].position - near[-1].position <= MAX_GAP:
        if left[0].position - near[0].position >= PAGE:
            break
        near.append(left.popleft())
    return near
