"""Publishes messages to a service's dead letters while others are handled."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from aio_pika import Message

from shared.db import Database
from shared.eventsourcing.erasure.erased_users import erased_among
from shared.logging import log
from shared.messaging.dead_letters.erasure import ids_in
from shared.messaging.inbox import record_dead_letter
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.publisher import Publisher
from shared.messaging.topology import DEAD, dead_queue


class DeadLetterPublisher:
    """Acknowledges a message once the broker has its copy: it is never lost in between.

    Nothing waits for that. A broker that lacks memory or disk takes no messages for as long as
    that lasts, and consuming is what ends it.
    """

    def __init__(
        self,
        service: str,
        url: str,
        database: Database,
        on_erased: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_erased` is called for a letter whose person was erased while it was published."""
        self._service, self._database, self._on_erased = service, database, on_erased
        self._publisher = Publisher(url, f"{service} dead letters")
        self._under_way: dict[asyncio.Task[None], IncomingMessage] = {}
        # The broker returns a message by its id, which may come twice.
        self._one_at_a_time = asyncio.Lock()

    @property
    def under_way(self) -> Sequence[IncomingMessage]:
        """The messages that the broker has not confirmed yet."""
        return list(self._under_way.values())

    async def begin(self, message: IncomingMessage, reason: str) -> None:
        """Begin to publish the message; drop it if it names an erased person.

        The inbox records the id of the event either way, so that catching up does not fetch it.
        """
        if await self._names_erased(message):
            log.info("dead_letters_erased", consumer=self._service, letters=1)
            await self._record(message)
            await message.ack()
            return
        log.error("dead_letter", consumer=self._service, message_id=message.message_id)
        self._under_way[asyncio.create_task(self._publish(message, reason))] = message

    def check(self) -> None:
        """Raise what kept the broker from taking a letter: its message has to come again.

        Of several that failed together the first error is raised, the others never.
        """
        ended = [task for task in self._under_way if task.done()]
        for task in ended:
            del self._under_way[task]
        failures = [failure for task in ended if (failure := _failure(task))]
        if failures:
            raise failures[0]

    async def finish(self, seconds: float) -> None:
        """Wait until the broker has all letters, or for a while; raises like `check`."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        self.check()

    async def close(self) -> None:
        """Cancel what is under way; the broker delivers those messages again."""
        under_way, self._under_way = self._under_way, {}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._publisher.close()

    async def _publish(self, message: IncomingMessage, reason: str) -> None:
        copy = Message(
            message.body,
            headers={"x-reason": reason[:500], "x-queue": self._service},
            content_type=message.content_type,
            message_id=message.message_id,
            type=message.type,
        )
        async with self._one_at_a_time:
            await self._publisher.publish(DEAD, [(dead_queue(self._service), copy)])
        await self._record(message)
        if await self._names_erased(message):  # erased meanwhile: no pass has seen the letter
            self._on_erased()
        await message.ack()

    async def _names_erased(self, message: IncomingMessage) -> bool:
        async with self._database.transaction() as connection:
            return bool(await erased_among(connection, ids_in(message.body)))

    async def _record(self, message: IncomingMessage) -> None:
        """Tell the inbox, unless the message has no id: then it is no event of ours."""
        try:
            event_id = UUID(message.message_id or "")
        except ValueError:
            return
        async with self._database.transaction() as connection:
            await record_dead_letter(connection, self._service, event_id)


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    # A task that is cancelled was so by aio-pika, when the channel died.
    return ConnectionError() if task.cancelled() else task.exception()
