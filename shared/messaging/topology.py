"""Exchanges and queues, as RabbitMQ 3.10 and 4.x both have them."""

from collections.abc import Iterable
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractQueue

EVENTS = "events"
DEAD = "events.dead"
PUBLIC = "events.public"  # the same events without personal fields
PROBE = "events.probe"  # without bindings
FEED = "events.feed"
FEED_AGE = "7D"
# The broker dead-letters no message for having waited: the consumer finds out which is at fault.
# Dead letters have the same limit: looking at one counts as a delivery, and only a person may
# delete it.
DELIVERY_LIMIT = 1_000_000
QUORUM: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}


async def declare_shared(channel: AbstractChannel) -> None:
    """Declare what belongs to no service; needs an administrator's rights."""
    events = await channel.declare_exchange(EVENTS, ExchangeType.TOPIC, durable=True)
    await channel.declare_exchange(DEAD, ExchangeType.TOPIC, durable=True)
    await channel.declare_exchange(PROBE, ExchangeType.FANOUT, durable=True)
    public = await channel.declare_exchange(PUBLIC, ExchangeType.TOPIC, durable=True)
    feed = await channel.declare_queue(
        FEED, durable=True, arguments={"x-queue-type": "stream", "x-max-age": FEED_AGE}
    )
    await feed.bind(public, "#")
    await feed.unbind(events, "#")  # as it was bound before personal fields were left out


async def declare_queue(
    channel: AbstractChannel, service: str, keys: Iterable[str]
) -> AbstractQueue:
    """Declare a service's own queue and the place for its dead letters, with the service's rights.

    `keys` are routing keys such as `files.FileUploaded`.

    Raises:
        ChannelPreconditionFailed: the queue is of an earlier version (`queue_migration`).
    """
    dead = await channel.declare_queue(
        dead_queue(service),
        durable=True,
        arguments=QUORUM,
    )
    await dead.bind(DEAD, dead_queue(service))
    queue = await channel.declare_queue(
        service,
        durable=True,
        arguments={
            **QUORUM,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": dead_queue(service),
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
    await bind_all(queue, keys)
    return queue


async def bind_all(queue: AbstractQueue, keys: Iterable[str]) -> None:
    for key in keys:
        await queue.bind(EVENTS, key)


def dead_queue(service: str) -> str:
    return f"{service}.dead"
