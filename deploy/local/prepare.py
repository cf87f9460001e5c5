"""What must be in the database and the broker before the services start."""

import asyncio
from collections.abc import Mapping

import aio_pika

from deploy.postgres.provision import provision, role_url
from deploy.rabbitmq.definitions import SERVICES
from shared.messaging.topology import declare_queues, declare_shared
from shared.migrations import upgrade


def lay_roles(admin_url: str, passwords: Mapping[str, str], *, ours: bool) -> None:
    """`ours`: the whole server is, so that its other databases are closed to the roles too."""
    asyncio.run(provision(admin_url, passwords, whole_server=ours))


def migrate(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Bring all five schemas to today's version, each as its owner."""
    for service in SERVICES:
        owner = f"prereview_{service}_owner"
        upgrade(service, role_url(admin_url, owner, passwords[owner]))


def lay_exchanges(amqp_url: str, seconds: float = 30.0) -> None:
    """Declare what the services share; `amqp_url` is an administrator's."""
    asyncio.run(_lay_exchanges(amqp_url, seconds))


async def _lay_exchanges(amqp_url: str, seconds: float) -> None:
    async with asyncio.timeout(seconds), await aio_pika.connect(amqp_url) as connection:
        while True:
            channel = await connection.channel()
            try:
                await declare_shared(channel)
                await declare_queues(channel)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                # Right after a start the stream's leader is still being elected (0.3 s measured).
                await asyncio.sleep(0.2)
            else:
                return
