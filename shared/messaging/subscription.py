"""Messages as they arrive from a service's queue, in batches."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from aio_pika.abc import AbstractIncomingMessage

from shared.logging import log
from shared.messaging.batches import split_message
from shared.messaging.connection import Connection
from shared.messaging.envelope import MAX_BYTES
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.topology import declare_queue

# A prefetch can't be given in bytes: so many messages fit, were all of them the largest.
PREFETCH_BYTES = 64 * 1024 * 1024
PREFETCH = PREFETCH_BYTES // MAX_BYTES  # messages, each with one event or several
TRANSACTION_EVENTS, TRANSACTION_BYTES = 200, 8 * 1024 * 1024  # events in one transaction


class Subscription:
    """Consumes a queue. What is not acknowledged is delivered again after `close`."""

    def __init__(self, service: str, url: str, bindings: Iterable[str]) -> None:
        self._service, self._bindings = service, list(bindings)
        self._connection = Connection(url, f"{service} consumes")
        self._waiting: deque[IncomingMessage] = deque()
        self._doorbell = asyncio.Event()
        self._is_consuming = False

    @property
    def is_ready(self) -> bool:
        """Whether messages would arrive: the broker cancels the consumer of a deleted queue."""
        return self._connection.is_open and self._is_consuming

    @property
    def is_open(self) -> bool:
        """Whether messages may come, or some are left of a queue that is gone."""
        return self._connection.is_open and bool(self._is_consuming or self._waiting)

    @property
    def is_connected(self) -> bool:
        return self._connection.is_open

    @property
    def waiting(self) -> Sequence[IncomingMessage]:
        """What has arrived and was not returned by `next_batch` yet."""
        return list(self._waiting)

    async def open(self) -> None:
        self._waiting = deque()
        channel = await self._connection.channel(prefetch=PREFETCH)
        queue = await declare_queue(channel, self._service, self._bindings)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
        self._is_consuming = True
        await queue.consume(self._on_message)

    async def close(self) -> None:
        self._is_consuming = False
        await self._connection.close()

    async def next_batch(self) -> Sequence[IncomingMessage]:
        """The next events for one transaction; nothing after a second of silence."""
        if not self._waiting:
            self._doorbell.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._doorbell.wait()
        if not self._waiting:
            return []
        return take_batch(self._waiting)

    def postpone(self, message: IncomingMessage) -> None:
        """Return it again after what has arrived until now."""
        self._waiting.append(message)

    def _on_cancel(self, _: object) -> None:
        log.warning("consumer_cancelled", consumer=self._service)
        self._is_consuming = False
        self._doorbell.set()

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        self._waiting.extend(split_message(message))
        self._doorbell.set()


def take_batch(waiting: deque[IncomingMessage]) -> Sequence[IncomingMessage]:
    """The next events, as many as fit into one transaction; at least one."""
    batch = [waiting.popleft()]
    room = TRANSACTION_BYTES - batch[0].body_size
    while (
        waiting and len(batch) < TRANSACTION_EVENTS and (room := room - waiting[0].body_size) >= 0
    ):
        batch.append(waiting.popleft())
    return batch
