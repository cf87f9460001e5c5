"""Dead letters are part of forgetting a person."""

import asyncio
import re
import time
from uuid import UUID

from aio_pika.abc import AbstractQueue

from shared.db import Database
from shared.eventsourcing.erasure import erased_among
from shared.logging import log
from shared.messaging.connection import Connection
from shared.messaging.topology import dead_queue

AT_ONCE = 100  # letters looked at in one step, of which only ids are kept meanwhile
AT_ONCE_BYTES = 8 * 1024 * 1024
SECONDS = 1.0  # for one step
EVERY = 3600.0  # seconds between two passes; the broker buries by itself what came too often
_ID = re.compile(rb"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)


def named_in(body: bytes) -> set[UUID]:
    """Every id in a message, readable or not: whoever is named in it is meant."""
    return {UUID(found.decode()) for found in _ID.findall(body)}


class ErasedLetters:
    """The loop that deletes every dead letter that names an erased person.

    A pass looks at each letter once. A letter that stays is held until the end of the pass, because
    a queue has no other place to go on from; then the broker has it back, also when the pass breaks
    off. The first pass is at the start, which makes up for one that broke off.
    """

    def __init__(self, service: str, url: str, database: Database) -> None:
        self._service, self._database = service, database
        self._connection = Connection(url, f"{service} erased letters")
        self.doorbell = asyncio.Event()
        self._passing, self._next_pass = False, 0.0
        self._dropped = 0

    def want(self) -> None:
        """Have a pass soon, after the one that may be under way."""
        self._next_pass = 0.0
        self.doorbell.set()

    async def step(self) -> bool:
        """Look at the next letters; False when no pass is under way."""
        if not self._passing:
            if time.monotonic() < self._next_pass:
                return False
            self._passing, self._next_pass = True, time.monotonic() + EVERY
        try:
            self._passing = await self._look()
        except BaseException:
            self._passing, self._next_pass = False, 0.0
            await self.close()  # the broker has the letters back
            raise
        return True

    async def close(self) -> None:
        await self._connection.close()

    async def _look(self) -> bool:
        """Hold the next letters and delete the guilty ones; after the last, give all back: False.

        The count that the broker tells lags behind what it has given back, so it isn't asked for.
        """
        channel = await self._connection.channel()
        queue = await channel.get_queue(dead_queue(self._service), ensure=False)
        found, more = await _next_letters(queue)
        async with self._database.transaction() as connection:
            gone = await erased_among(connection, set().union(*found.values()))
        underlay = await channel.get_underlay_channel()
        for tag in (tag for tag, ids in found.items() if ids & gone):
            await underlay.basic_ack(tag)
            self._dropped += 1
        if not more:
            await underlay.basic_nack(0, multiple=True, requeue=True)
            if self._dropped:
                log.info("letters_dropped", consumer=self._service, letters=self._dropped)
            self._dropped = 0
        return more


async def _next_letters(queue: AbstractQueue) -> tuple[dict[int, set[UUID]], bool]:
    """The delivery tags of the next letters, with the ids in each; whether there may be more.

    They are held from now on.
    """
    found: dict[int, set[UUID]] = {}
    size, end = 0, time.monotonic() + SECONDS
    while len(found) < AT_ONCE and size < AT_ONCE_BYTES and time.monotonic() < end:
        letter = await queue.get(fail=False)
        if letter is None:
            return found, False
        found[letter.delivery_tag or 0] = named_in(letter.body)
        size += len(letter.body)
    return found, True
