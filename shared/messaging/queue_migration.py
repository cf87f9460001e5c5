"""Declares the queues of all services, and replaces those of an earlier version.

A queue keeps the arguments it was declared with. One that has other arguments is emptied into a
holding queue, deleted, declared anew and filled again. Each step may be interrupted and is repeated
by the next run: a message is published to where it goes before it is taken from where it was, and
what is published meanwhile reaches both queues. What comes twice has one effect (`inbox`).
"""

import asyncio
from collections.abc import Iterable

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from shared.contracts import CONSUMED, bindings
from shared.logging import log
from shared.messaging.topology import EVENTS, QUORUM, bind_all, declare_queue

STEP_MESSAGES = 16  # messages, each up to the broker's `max_message_size`
LOOK_INTERVAL = 1.0  # seconds between two looks at a queue that is to be deleted
LOOKS = 3  # at a queue somebody consumes from, before it is refused


class QueueInUse(Exception):
    """Somebody still consumes from a queue that has to be replaced."""


async def declare_queues(connection: AbstractConnection) -> None:
    """Declare the queue of every consuming service, so that what is published waits for it.

    An event goes to several queues, so one that misses a queue would look delivered all the same.
    Needs an administrator's rights.

    Raises:
        QueueInUse: a queue of an earlier version is to be replaced while a copy consumes from it.
    """
    for service in CONSUMED:
        await declare_or_replace_queue(connection, service, bindings(service))


async def declare_or_replace_queue(
    connection: AbstractConnection, service: str, keys: Iterable[str]
) -> None:
    """Declare one service's queue; replace it where it has the arguments of an earlier version."""
    keys = list(keys)
    try:
        await _declare(connection, service, keys)
    except ChannelPreconditionFailed:
        log.info("queue_replaced", queue=service)
        await _empty_and_delete(connection, service, keys)
        await _declare(connection, service, keys)
    await _fill(connection, service, keys)


def holding_queue(service: str) -> str:
    return f"{service}.holding"


async def _declare(connection: AbstractConnection, service: str, keys: Iterable[str]) -> None:
    async with connection.channel() as channel:  # a refusal closes it
        await declare_queue(channel, service, keys)


async def _empty_and_delete(
    connection: AbstractConnection, service: str, keys: Iterable[str]
) -> None:
    async with connection.channel(on_return_raises=True) as channel:
        old = await channel.get_queue(service)
        await _refuse_if_still_used(old)
        place = await channel.declare_queue(holding_queue(service), durable=True, arguments=QUORUM)
        await bind_all(place, keys)  # what was published before that is in `old` within the looks
        await _move_all(channel, old, place.name)
        # A quorum queue can't be deleted on condition that nobody uses it.
        await old.delete(if_unused=False, if_empty=False)


async def _fill(connection: AbstractConnection, service: str, keys: Iterable[str]) -> None:
    """Move back what the holding queue has, of this migration or of one that broke off."""
    try:
        async with connection.channel(on_return_raises=True) as channel:
            place = await channel.get_queue(holding_queue(service))
            for key in keys:
                await place.unbind(EVENTS, key)
            await _move_all(channel, place, service)
            await place.delete(if_unused=False, if_empty=False)
    except ChannelNotFoundEntity:
        return  # there was none


async def _refuse_if_still_used(queue: AbstractQueue) -> None:
    """A consumer counts for a moment after its connection was closed."""
    for _ in range(LOOKS):
        if not queue.declaration_result.consumer_count:
            return
        await asyncio.sleep(LOOK_INTERVAL)
        await queue.declare()
    _refuse_if_used(queue)


def _refuse_if_used(queue: AbstractQueue) -> None:
    if queue.declaration_result.consumer_count:
        raise QueueInUse(
            f"The queue {queue.name} has to be replaced, and somebody consumes from it: "
            "stop the services of the earlier version first."
        )


async def _move_all(channel: AbstractChannel, source: AbstractQueue, target: str) -> None:
    """Move messages until it is sure that none is left, and that no consumer can give one back.

    The broker also says that a queue has no messages and no consumers when its leader does not
    answer in time. So it is asked twice, and something that only the leader can answer in between:
    `get` fails where the leader stays silent.

    Raises:
        QueueInUse: somebody consumes from the source.
    """
    await _until_empty(channel, source, target)
    moved = True
    while moved:
        await asyncio.sleep(LOOK_INTERVAL)
        moved = await _until_empty(channel, source, target)


async def _until_empty(channel: AbstractChannel, source: AbstractQueue, target: str) -> bool:
    """Move messages until the broker says that none is left; whether there were any."""
    moved = False
    while (some := await _move_some(channel, source, target)) or await _messages_in(source):
        moved = moved or some > 0
    _refuse_if_used(source)
    return moved


async def _move_some(channel: AbstractChannel, source: AbstractQueue, target: str) -> int:
    """Publish some messages to `target`, then acknowledge them at `source`; return how many."""
    held: list[AbstractIncomingMessage] = []
    while len(held) < STEP_MESSAGES and (message := await source.get(fail=False)) is not None:
        held.append(message)
    exchange = channel.default_exchange
    await asyncio.gather(*(exchange.publish(message, target, mandatory=True) for message in held))
    for message in held:
        await message.ack()
    return len(held)


async def _messages_in(queue: AbstractQueue) -> int:
    await queue.declare()
    return queue.declaration_result.message_count or 0
