"""Messages as they arrive from a service's queue, in batches."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from aio_pika.abc import AbstractIncomingMessage

from shared.logging import log
from shared.messaging.batches import opened
from shared.messaging.connection import Connection
from shared.messaging.envelope import MAX_BYTES
from shared.messaging.reading import Arrived
from shared.messaging.topology import declare_queue

# The broker knows no prefetch in bytes: as many messages as fit, were all of them the largest.
PREFETCH_BYTES = 64 * 1024 * 1024
PREFETCH = PREFETCH_BYTES // MAX_BYTES  # messages, each with one event or several
TOGETHER, TOGETHER_BYTES = 200, 8 * 1024 * 1024  # events in one transaction


class Subscription:
    """Listens to a queue. What nobody acknowledges is delivered again after `close`."""

    def __init__(self, service: str, url: str, bindings: Iterable[str]) -> None:
        self._service, self._bindings = service, list(bindings)
        self._connection = Connection(url, f"{service} consumes")
        self._waiting: deque[Arrived] = deque()
        self._bell = asyncio.Event()
        self._hears = False

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive: the broker cancels the consumer of a deleted queue."""
        return self._connection.is_open and self._hears

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for, or something left of a queue that is gone."""
        return self._connection.is_open and bool(self._hears or self._waiting)

    @property
    def is_connected(self) -> bool:
        return self._connection.is_open

    @property
    def waiting(self) -> Sequence[Arrived]:
        """What has arrived and was not asked for yet."""
        return list(self._waiting)

    async def open(self) -> None:
        self._waiting = deque()
        channel = await self._connection.channel(prefetch=PREFETCH)
        queue = await declare_queue(channel, self._service, self._bindings)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self._cancelled)
        self._hears = True
        await queue.consume(self._arrive)

    async def close(self) -> None:
        self._hears = False
        await self._connection.close()

    async def next_batch(self) -> Sequence[Arrived]:
        """What has arrived, as far as it goes together; nothing after a second of silence."""
        if not self._waiting:
            self._bell.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._bell.wait()
        if not self._waiting:
            return []
        return take_batch(self._waiting)

    def postpone(self, message: Arrived) -> None:
        """Have it again after what has arrived until now."""
        self._waiting.append(message)

    def _cancelled(self, _: object) -> None:
        log.warning("consumer_cancelled", consumer=self._service)
        self._hears = False
        self._bell.set()

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        self._waiting.extend(opened(message))
        self._bell.set()


def take_batch(waiting: deque[Arrived]) -> Sequence[Arrived]:
    """The next events, as many as go together into one transaction; at least one."""
    batch = [waiting.popleft()]
    room = TOGETHER_BYTES - batch[0].body_size
    while waiting and len(batch) < TOGETHER and (room := room - waiting[0].body_size) >= 0:
        batch.append(waiting.popleft())
    return batch
