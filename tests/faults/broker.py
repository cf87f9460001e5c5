"""An administrator's look into the queues of a running product."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika

from deploy.local.credentials import open_credentials
from deploy.local.ports import chosen_ports
from deploy.local.rabbitmq import RabbitMQ
from deploy.rabbitmq.definitions import ADMINISTRATOR, VHOST
from shared.contracts import CONSUMED
from shared.messaging.topology import dead_queue
from tests.support.product import Product
from tests.support.rabbitmqctl import rabbitmqctl


def node(product: Product) -> RabbitMQ:
    data = product.folder / "data"
    passwords = open_credentials(data / "secrets").rabbitmq
    return RabbitMQ(data / "rabbitmq", passwords, chosen_ports(data / "ports.json")["rabbitmq"])


@asynccontextmanager
async def connected(product: Product) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with asyncio.timeout(60):
        while True:
            try:
                connection = await aio_pika.connect(node(product).url(ADMINISTRATOR), timeout=5)
                break
            except (OSError, aio_pika.exceptions.AMQPError, TimeoutError):
                await asyncio.sleep(0.5)
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def waiting(channel: aio_pika.abc.AbstractChannel) -> dict[str, int]:
    """Messages that nobody has been given, of each consumer's queue."""
    found = {}
    for name in CONSUMED:
        queue = await channel.declare_queue(name, passive=True)
        found[name] = queue.declaration_result.message_count or 0
    return found


async def sizes(product: Product) -> dict[str, int]:
    """Messages of every queue, also those that were given out and not acknowledged."""
    arguments = ("list_queues", "-p", VHOST, "name", "messages", "--formatter", "json")
    told = await asyncio.to_thread(rabbitmqctl, node(product), *arguments)
    return {queue["name"]: int(queue["messages"] or 0) for queue in json.loads(told)}


async def dead_letters(channel: aio_pika.abc.AbstractChannel) -> list[dict[str, str]]:
    """Every dead letter, which stays where it is."""
    found = []
    for service in CONSUMED:
        queue = await channel.get_queue(dead_queue(service), ensure=False)
        taken = []
        while (message := await queue.get(fail=False)) is not None:
            taken.append(message)
            found.append(
                {
                    "service": service,
                    "message_id": message.message_id or "",
                    "reason": str(message.headers.get("x-reason", message.headers)),
                    "body": message.body[:300].decode("utf-8", "replace"),
                }
            )
        for message in taken:
            await message.reject(requeue=True)
    return found
