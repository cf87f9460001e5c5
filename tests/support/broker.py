"""An administrator's hands at the broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import aio_pika
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from shared.messaging.batches import split_message
from shared.messaging.envelope import CONTENT_TYPE, to_message
from shared.messaging.incoming_message import IncomingMessage
from shared.messaging.topology import EVENTS, FEED, dead_queue, declare_queue, declare_shared
from tests.support.events import recorded, uploaded
from tests.support.waiting import eventually


@dataclass
class Broker:
    """Looks into queues, and puts into them what no service ever would."""

    connection: AbstractConnection
    channel: AbstractChannel
    url: str
    _made: list[str] = field(default_factory=list)

    async def service(self, *bindings: str) -> str:
        """The name of a service nobody has heard of, with queues of its own."""
        name = f"t{uuid4().hex[:10]}"
        await declare_queue(self.channel, name, bindings)
        self._made += [name, dead_queue(name)]
        return name

    async def listener(self, *keys: str) -> AbstractQueue:
        """A queue that gets what is published with these routing keys."""
        queue = await self.channel.declare_queue(exclusive=True, auto_delete=True)
        for key in keys:
            await queue.bind(EVENTS, key)
        return queue

    async def put(self, queue: str, *messages: Message) -> None:
        for message in messages:
            await self.channel.default_exchange.publish(message, queue)

    async def size(self, queue: str) -> int:
        found = await self.channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0

    async def take(self, queue: str) -> AbstractIncomingMessage:
        """The next message of a queue, waiting for it."""
        source = await self.channel.get_queue(queue, ensure=False)

        async def get() -> AbstractIncomingMessage | None:
            return await source.get(fail=False)

        message = await eventually(get)
        assert message is not None
        await message.ack()
        return message

    async def is_settled(self, service: str) -> bool:
        """Whether nothing waits for a service, delivered or not."""
        queue = await self.channel.declare_queue(service, passive=True)
        return queue.declaration_result.message_count == 0

    async def close(self) -> None:
        for queue in self._made:
            await self.channel.queue_delete(queue)
        self._made.clear()


async def all_of(queue: AbstractQueue) -> Sequence[AbstractIncomingMessage]:
    """Everything a queue holds now."""
    found = []
    while (message := await queue.get(fail=False, no_ack=True)) is not None:
        found.append(message)
    return found


async def events_in(queue: AbstractQueue) -> Sequence[IncomingMessage]:
    """Every event a queue holds now, each as a message of its own."""
    return [event for message in await all_of(queue) for event in split_message(message)]


@asynccontextmanager
async def broker_at(url: str) -> AsyncIterator[Broker]:
    connection = await aio_pika.connect(url)
    channel = await connection.channel(on_return_raises=True)
    await declare_shared(channel)
    try:
        yield Broker(connection, channel, url)
    finally:
        await connection.close()


def a_message() -> Message:
    """Someone has uploaded a file."""
    return to_message(recorded(uploaded(uuid4())))


def raw_message(body: bytes, **options: str) -> Message:
    message = Message(body, content_type=CONTENT_TYPE, message_id=str(uuid4()))
    for name, value in options.items():
        setattr(message, name, value)
    return message


async def read_feed(
    connection: AbstractConnection,
    until: Callable[[AbstractIncomingMessage], bool],
    seconds: float = 30,
) -> list[AbstractIncomingMessage]:
    """What the feed holds, from its beginning to the first message that is `until`.

    Not aio-pika's iterator: at its end that one gives messages back, which streams refuse.
    """
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=100)
    queue = await channel.get_queue(FEED, ensure=False)
    found: list[AbstractIncomingMessage] = []
    ended = asyncio.Event()

    async def keep(message: AbstractIncomingMessage) -> None:
        await message.ack()
        if not ended.is_set():
            found.append(message)
        if until(message):
            ended.set()

    tag = await queue.consume(keep, arguments={"x-stream-offset": "first"})
    async with asyncio.timeout(seconds):
        await ended.wait()
    await queue.cancel(tag)
    await channel.close()
    return found
