"""Deletes dead letters that name an erased person."""

import asyncio
import re
import time
from uuid import UUID

from aio_pika.abc import AbstractQueue

from shared.db import Database
from shared.eventsourcing.erasure.erased_users import erased_among
from shared.logging import log
from shared.messaging.connection import Connection
from shared.messaging.topology import dead_queue

STEP_LETTERS, STEP_BYTES = 100, 8 * 1024 * 1024  # of which only ids are kept in memory
STEP_SECONDS = 1.0
PASS_INTERVAL = 3600.0  # seconds; the broker dead-letters by itself what came too often
_ID = re.compile(rb"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)


def ids_in(body: bytes) -> set[UUID]:
    """Every UUID in a message, readable or not: each of them may be a person's."""
    return {UUID(found.decode()) for found in _ID.findall(body)}


class DeadLetterErasure:
    """The loop that deletes every dead letter that names an erased person.

    A pass looks at each letter once. A queue can only be read from its start, so the letters that
    stay are held until the end of the pass; then the broker has them back, also when the pass
    breaks off. There is a pass at the start, which makes up for one that broke off.
    """

    def __init__(
        self, service: str, url: str, database: Database, step_seconds: float = STEP_SECONDS
    ) -> None:
        self._service, self._database = service, database
        self._step_seconds = step_seconds
        self._connection = Connection(url, f"{service} dead letter erasure")
        self.doorbell = asyncio.Event()
        self._is_passing, self._next_pass = False, 0.0
        self._erased = 0

    def request_pass(self) -> None:
        """Have a pass soon, after the one that may be under way."""
        self._next_pass = 0.0
        self.doorbell.set()

    async def step(self) -> bool:
        """Look at the next letters; False when no pass is under way."""
        if not self._is_passing:
            if time.monotonic() < self._next_pass:
                return False
            self._is_passing, self._next_pass = True, time.monotonic() + PASS_INTERVAL
        try:
            self._is_passing = await self._look()
        except BaseException:
            self._is_passing, self._next_pass = False, 0.0
            await self.close()  # the broker has the letters back
            raise
        return True

    async def close(self) -> None:
        await self._connection.close()

    async def _look(self) -> bool:
        """Hold the next letters and delete those about erased people; False after the last one.

        The broker's count of messages lags behind what was given back, so it is not used.
        """
        channel = await self._connection.channel()
        queue = await channel.get_queue(dead_queue(self._service), ensure=False)
        found, more = await self._next_letters(queue)
        async with self._database.transaction() as connection:
            erased = await erased_among(connection, set().union(*found.values()))
        underlay = await channel.get_underlay_channel()
        for tag in (tag for tag, ids in found.items() if ids & erased):
            await underlay.basic_ack(tag)
            self._erased += 1
        if not more:
            await underlay.basic_nack(0, multiple=True, requeue=True)
            if self._erased:
                log.info("dead_letters_erased", consumer=self._service, letters=self._erased)
            self._erased = 0
        return more

    async def _next_letters(self, queue: AbstractQueue) -> tuple[dict[int, set[UUID]], bool]:
        """The delivery tags of the next letters with the ids in each; whether there may be more.

        The letters are held from now on.
        """
        found: dict[int, set[UUID]] = {}
        size, end = 0, time.monotonic() + self._step_seconds
        while len(found) < STEP_LETTERS and size < STEP_BYTES and time.monotonic() < end:
            letter = await queue.get(fail=False)
            if letter is None:
                return found, False
            found[letter.delivery_tag or 0] = ids_in(letter.body)
            size += len(letter.body)
        return found, True
