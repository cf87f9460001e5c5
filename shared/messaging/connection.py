"""One AMQP connection, opened on first use and again after it failed."""

import asyncio
from contextlib import suppress

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.errors import Unavailable

TIMEOUT = 15.0  # seconds for any single answer of the broker


class BrokerUnavailable(Unavailable):
    code = "broker_unavailable"


class BrokerRefuses(Unavailable):
    code = "broker_refuses_publishing"


class Connection:
    """Keeps references to connection and channel: aio-pika drops what nobody holds."""

    def __init__(self, url: str, name: str) -> None:
        """Take `amqp://…` and the name shown in the broker's list of connections."""
        self._url, self._name = url, name
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    @property
    def is_open(self) -> bool:
        return self._channel is not None and not self._channel.is_closed

    async def is_blocked(self) -> bool:
        """Whether the broker has said that it takes no messages, for want of memory or disk.

        It says so to who has published since, and takes up again where it left off:
        https://www.rabbitmq.com/docs/connection-blocked
        """
        transport = None if self._connection is None else self._connection.transport
        if transport is None or not self.is_open:
            return False
        try:
            async with asyncio.timeout(0):
                await transport.connection.ready()  # at once, unless blocked
        except TimeoutError:
            return True
        return False

    async def channel(self, *, prefetch: int | None = None) -> AbstractChannel:
        """Return the open channel, or a new one on a new connection.

        Raises:
            BrokerUnavailable: the broker can't be reached.
        """
        if self._channel is not None and not self._channel.is_closed:
            return self._channel
        await self.close()
        try:
            async with asyncio.timeout(TIMEOUT):
                self._connection = await aio_pika.connect(
                    self._url, heartbeat=10, client_properties={"connection_name": self._name}
                )
                # Without both flags an unroutable message looks published.
                self._channel = await self._connection.channel(
                    publisher_confirms=True, on_return_raises=True
                )
                if prefetch is not None:
                    await self._channel.set_qos(prefetch_count=prefetch)
        except (OSError, TimeoutError, aio_pika.exceptions.AMQPError) as error:
            raise BrokerUnavailable from error
        return self._channel

    async def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(5):
                    await connection.close()
