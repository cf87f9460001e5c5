"""Putting messages among the dead letters, beside the work on others."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from aio_pika import Message

from shared.db import Database
from shared.eventsourcing.erasure import erased_among
from shared.eventsourcing.inbox import note_buried
from shared.logging import log
from shared.messaging.erased_letters import named_in
from shared.messaging.publisher import Publisher
from shared.messaging.reading import Arrived
from shared.messaging.topology import DEAD, dead_queue


class Burials:
    """Each message is acknowledged once the broker has its copy: never lost in between.

    Nobody waits for that. A broker that lacks memory or disk takes no letters for as long as that
    lasts, and to go on consuming is what ends it.
    """

    def __init__(
        self, service: str, url: str, database: Database, erased: Callable[[], None] = lambda: None
    ) -> None:
        """`erased` is called where a letter came among the dead after its person was erased."""
        self._service, self._database, self._erased = service, database, erased
        self._publisher = Publisher(url, f"{service} dead letters")
        self._under_way: dict[asyncio.Task[None], Arrived] = {}
        self._turn = asyncio.Lock()  # the broker returns a message by its id, which may come twice

    @property
    def under_way(self) -> Sequence[Arrived]:
        return list(self._under_way.values())

    async def begin(self, message: Arrived, reason: str) -> None:
        """Bury the message, unless it is about an erased person, of whom nothing is kept.

        The id of the event is noted, so that nobody misses it.
        """
        if await self._is_about_erased(message):
            log.info("letters_dropped", consumer=self._service, letters=1)
            await self._note(message)
            await message.ack()
            return
        log.error("dead_letter", consumer=self._service, message_id=message.message_id)
        self._under_way[asyncio.create_task(self._bury(message, reason))] = message

    def check(self) -> None:
        """Raise what kept the broker from taking a letter: its message has to come again.

        Of several that failed together the first is told, and none later.
        """
        ended = [one for one in self._under_way if one.done()]
        for burial in ended:
            del self._under_way[burial]
        failures = [failure for one in ended if (failure := _failure(one))]
        if failures:
            raise failures[0]

    async def finish(self, seconds: float) -> None:
        """Wait until the broker has all letters, or for a while; raises like `check`."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        self.check()

    async def close(self) -> None:
        """Give up what is under way; the broker delivers it again."""
        under_way, self._under_way = self._under_way, {}
        for burial in under_way:
            burial.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._publisher.close()

    async def _bury(self, message: Arrived, reason: str) -> None:
        copy = Message(
            message.body,
            headers={"x-reason": reason[:500], "x-queue": self._service},
            content_type=message.content_type,
            message_id=message.message_id,
            type=message.type,
        )
        async with self._turn:
            await self._publisher.publish(DEAD, [(dead_queue(self._service), copy)])
        await self._note(message)
        if await self._is_about_erased(message):  # since it began: no pass has seen the letter
            self._erased()
        await message.ack()

    async def _is_about_erased(self, message: Arrived) -> bool:
        async with self._database.transaction() as connection:
            return bool(await erased_among(connection, named_in(message.body)))

    async def _note(self, message: Arrived) -> None:
        """What is none of ours has any name or none."""
        try:
            event_id = UUID(message.message_id or "")
        except ValueError:
            return
        async with self._database.transaction() as connection:
            await note_buried(connection, self._service, event_id)


def _failure(burial: asyncio.Task[None]) -> BaseException | None:
    # One that is cancelled was so by aio-pika, when the channel died.
    return ConnectionError() if burial.cancelled() else burial.exception()
