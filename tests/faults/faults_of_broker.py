"""Faults of RabbitMQ, and of messages."""

import asyncio
import signal

import aio_pika
from aio_pika import Message

from deploy.rabbitmq.definitions import VHOST
from shared.contracts import CONSUMED
from shared.messaging.envelope import CONTENT_TYPE
from shared.messaging.topology import EVENTS
from tests.faults import broker, processes
from tests.faults.faults import Fault, last
from tests.faults.running import Running
from tests.support.rabbitmqctl import rabbitmqctl

ALARM, STOPPED, WAITING, CUT, CUTS = 20.0, 30.0, 8.0, 5.0, 6  # seconds; times
POISON = (b"", b"no JSON", b"\xff\xfe", b"[]", b"{}", b'{"id": "x"}', b"[" * 1000)


async def memory_alarm(running: Running) -> None:
    """RabbitMQ takes no messages while it believes that its memory is used up."""
    node = broker.node(running.product)
    await asyncio.to_thread(rabbitmqctl, node, "set_vm_memory_high_watermark", "0.00001")
    try:
        await last(ALARM)
    finally:
        await asyncio.to_thread(
            rabbitmqctl, node, "set_vm_memory_high_watermark", "absolute", "512MiB"
        )


async def stand_still(running: Running) -> None:
    pid = processes.pids(running.product)["rabbitmq"]
    processes.send(pid, signal.SIGSTOP)
    try:
        await last(STOPPED)
    finally:
        processes.send(pid, signal.SIGCONT)


async def cut_connections(running: Running) -> None:
    """All connections closed by an administrator, every few seconds."""
    node = broker.node(running.product)
    for _ in range(CUTS):
        await asyncio.to_thread(rabbitmqctl, node, "close_all_connections", "-p", VHOST, "fault")
        await last(CUT)


async def delete_a_queue(running: Running) -> None:
    """While it is nearly empty; its consumer hears of it at once."""
    async with broker.connected(running.product) as channel:
        await channel.queue_delete("checker")
    await last(10)


async def delete_a_full_queue(running: Running) -> None:
    """The checker stands still, so that messages wait in its queue when it is deleted."""
    pid = processes.pids(running.product)["checker"]
    processes.send(pid, signal.SIGSTOP)
    try:
        await last(WAITING)
        async with broker.connected(running.product) as channel:
            await channel.queue_delete("checker")
    finally:
        processes.send(pid, signal.SIGCONT)
    await last(10)


async def delete_a_binding(running: Running) -> None:
    """What is published meanwhile never reaches the queue."""
    async with broker.connected(running.product) as channel:
        queue = await channel.get_queue("notifier", ensure=False)
        await queue.unbind(EVENTS, "checker.FileChecked")
    await last(10)


async def poison(running: Running) -> None:
    """Undeliverable messages between the others, in every queue."""
    async with broker.connected(running.product) as channel:
        for round_ in range(3):
            for service in CONSUMED:
                for number, body in enumerate(POISON):
                    name = f"poison-{service}-{round_}-{number}"
                    message = Message(body, content_type=CONTENT_TYPE, message_id=name)
                    await channel.default_exchange.publish(message, service)
                    running.injected.add(name)
            await last(2)


async def deliver_three_times(running: Running) -> None:
    """A copy of whatever is published comes twice more, a little later, in another order."""
    async with broker.connected(running.product) as channel:
        listener = await channel.declare_queue(exclusive=True)
        await listener.bind(EVENTS, "#")
        kept: list[aio_pika.abc.AbstractIncomingMessage] = []
        for _ in range(10):
            await last(1.5)
            while (message := await listener.get(fail=False, no_ack=True)) is not None:
                kept.append(message)
            again = [*kept, *kept]
            running.random.shuffle(again)
            for message in again:
                await _again(channel, message)
            kept.clear()
        # What came last was published by us.


async def _again(
    channel: aio_pika.abc.AbstractChannel, message: aio_pika.abc.AbstractIncomingMessage
) -> None:
    """Into each queue that had it, past the exchange: the listener shall not hear it again."""
    name = (message.routing_key or "").rpartition(".")[2]
    for service, heard in CONSUMED.items():
        if name in {event.type_name() for event in heard}:
            copy = Message(
                message.body,
                content_type=message.content_type,
                message_id=message.message_id,
                type=message.type,
                headers=message.headers,
            )
            await channel.default_exchange.publish(copy, service)


FAULTS = (
    Fault("memory-alarm", "memory alarm of RabbitMQ for 20 s", memory_alarm),
    Fault("rabbitmq-stands-still", "SIGSTOP of RabbitMQ for 30 s", stand_still),
    Fault("connections-cut", "all AMQP connections closed every 5 s", cut_connections),
    Fault("queue-deleted", "the checker's queue deleted", delete_a_queue),
    Fault("poison", "undeliverable messages in every queue", poison),
    Fault("three-times", "every message three times, shuffled", deliver_three_times),
    Fault(
        "full-queue-deleted",
        "the checker's queue deleted with messages in it",
        delete_a_full_queue,
    ),
    Fault("binding-deleted", "a binding of notifier's deleted", delete_a_binding),
)
