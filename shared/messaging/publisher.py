"""Publishing with confirms and returns."""

import asyncio
from collections.abc import Sequence

from aio_pika import Message
from aio_pika.abc import AbstractChannel

from shared.messaging.connection import TIMEOUT, BrokerAway, Connection


class Publisher:
    """Publishes on a connection of its own."""

    def __init__(self, url: str, name: str) -> None:
        """Take `amqp://…` and a name for the connection; connects on first use."""
        self._connection = Connection(url, f"{name} publishes")

    async def publish(self, exchange: str, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish `(routing key, message)` pairs in order; return when all are confirmed.

        When it raises, any of them may have arrived: publish all of them again.

        Raises:
            Unavailable: the broker can't be reached.
            DeliveryError: the broker refused or returned one.
        """
        channel = await self._connection.channel()
        target = await channel.get_exchange(exchange, ensure=False)
        try:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.gather(
                    *(target.publish(message, key, mandatory=True) for key, message in messages)
                )
        except OSError as error:  # a connection that died, or no answer in time
            await self.close()
            raise BrokerAway from error
        except BaseException:
            await self.close()
            raise

    async def connect(self) -> None:
        """Connect now; raises `Unavailable` when the broker can't be reached."""
        await self.channel()

    async def channel(self) -> AbstractChannel:
        """The channel it publishes on."""
        return await self._connection.channel()

    @property
    def is_open(self) -> bool:
        return self._connection.is_open

    async def close(self) -> None:
        await self._connection.close()
