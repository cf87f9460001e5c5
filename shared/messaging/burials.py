"""Putting messages among the dead letters, beside the work on others."""

import asyncio

from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

from shared.db import Database
from shared.eventsourcing.erasure import erased_among
from shared.logging import log
from shared.messaging.erased_letters import named_in
from shared.messaging.publisher import Publisher
from shared.messaging.topology import DEAD, dead_queue


class Burials:
    """Each message is acknowledged once the broker has its copy: never lost in between.

    Nobody waits for that. A broker that lacks memory or disk takes no letters for as long as that
    lasts, and to go on consuming is what ends it.
    """

    def __init__(self, service: str, url: str, database: Database) -> None:
        self._service, self._database = service, database
        self._publisher = Publisher(url, f"{service} dead letters")
        self._under_way: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # the broker returns a message by its id, which may come twice

    async def begin(self, message: AbstractIncomingMessage, reason: str) -> None:
        """Bury the message, unless it is about an erased person, of whom nothing is kept."""
        async with self._database.transaction() as connection:
            erased = await erased_among(connection, named_in(message.body))
        if erased:
            log.info("letters_dropped", consumer=self._service, letters=1)
            await message.ack()
            return
        log.error("dead_letter", consumer=self._service, message_id=message.message_id)
        self._under_way.add(asyncio.create_task(self._bury(message, reason)))

    def check(self) -> None:
        """Raise what kept the broker from taking a letter: its message has to come again."""
        for burial in [one for one in self._under_way if one.done()]:
            self._under_way.discard(burial)
            if burial.cancelled():  # by aio-pika, when the channel died
                raise ConnectionError
            burial.result()

    async def close(self) -> None:
        """Give up what is under way; the broker delivers it again."""
        under_way, self._under_way = self._under_way, set()
        for burial in under_way:
            burial.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._publisher.close()

    async def _bury(self, message: AbstractIncomingMessage, reason: str) -> None:
        copy = Message(
            message.body,
            headers={"x-reason": reason[:500], "x-queue": self._service},
            content_type=message.content_type,
            message_id=message.message_id,
            type=message.type,
        )
        async with self._turn:
            await self._publisher.publish(DEAD, [(dead_queue(self._service), copy)])
        await message.ack()
