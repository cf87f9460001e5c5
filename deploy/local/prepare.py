"""What must be in the database and the broker before the services start."""

import asyncio
from collections.abc import Mapping

import aio_pika
from aio_pika.abc import AbstractConnection

from deploy.local.errors import CannotStart
from deploy.postgres.provision import provision, role_url
from deploy.rabbitmq.definitions import SERVICES
from shared.messaging.moving import QueueInUse, declare_queues
from shared.messaging.topology import declare_shared
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
    """Declare exchanges and queues; `amqp_url` is an administrator's.

    Takes as long as messages have to be moved, and else `seconds` at most.

    Raises:
        CannotStart: copies of an earlier version still run.
    """
    asyncio.run(_lay_exchanges(amqp_url, seconds))


async def _lay_exchanges(amqp_url: str, seconds: float) -> None:
    async with await aio_pika.connect(amqp_url, timeout=seconds) as connection:
        async with asyncio.timeout(seconds):
            await _lay_shared(connection)
        try:
            await declare_queues(connection)
        except QueueInUse as reason:
            raise CannotStart(str(reason)) from None


async def _lay_shared(connection: AbstractConnection) -> None:
    while True:
        channel = await connection.channel()
        try:
            await declare_shared(channel)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            # Right after a start the stream's leader is still being elected (0.3 s measured).
            await asyncio.sleep(0.2)
        else:
            await channel.close()
            return
