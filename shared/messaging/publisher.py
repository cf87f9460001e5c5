"""Publishing with confirms and returns."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import PublishError

from shared.logging import log
from shared.messaging.connection import TIMEOUT, BrokerRefuses, BrokerUnavailable, Connection
from shared.messaging.topology import PROBE


class Publisher:
    """Publishes on a connection of its own."""

    def __init__(self, url: str, name: str, timeout: float | None = None) -> None:
        """Take `amqp://…` and a name for the connection; connects on first use.

        `timeout` is the seconds (`TIMEOUT`) within which the broker has to confirm something.
        """
        self._timeout = timeout
        self._connection = Connection(url, f"{name} publishes")

    async def publish(self, exchange: str, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish `(routing key, message)` pairs in order; return when all are confirmed.

        While the broker says that it takes no messages, that is as long as it takes. When it
        raises, any of them may have arrived: publish all of them again.

        Raises:
            Unavailable: the broker can't be reached.
            DeliveryError: the broker refused or returned one.
        """
        if returned := await self.publish_collecting_returns(exchange, messages):
            await self.close()
            raise next(iter(returned.values()))

    async def publish_collecting_returns(
        self, exchange: str, messages: Sequence[tuple[str, Message]]
    ) -> dict[int, PublishError]:
        """Like `publish`, but return which of them, by index, no queue took; all others arrived."""
        results = await self._publish(exchange, messages, mandatory=True)
        return {index: got for index, got in enumerate(results) if isinstance(got, PublishError)}

    async def probe(self) -> None:
        """Publish an empty message that no queue gets: the broker blocks only who publishes."""
        await self._publish(PROBE, [("", Message(b""))], mandatory=False)

    async def _publish(
        self, exchange: str, messages: Sequence[tuple[str, Message]], *, mandatory: bool
    ) -> list[Any]:
        """The broker's answer to each: its confirmation, or `PublishError` for a returned one."""
        channel = await self._connection.channel()
        target = await channel.get_exchange(exchange, ensure=False)
        sent = [
            asyncio.ensure_future(target.publish(message, key, mandatory=mandatory))
            for key, message in messages
        ]
        try:
            return await self._confirmed(sent)
        except OSError as error:  # a connection that died, or no answer in time
            await self.close()
            raise BrokerUnavailable from error
        except BaseException:
            await self.close()
            raise

    async def _confirmed(self, sent: Sequence[asyncio.Future[Any]]) -> list[Any]:
        """Wait as long as the broker confirms some; keep a connection that it blocks.

        The broker reads nothing from a blocked connection, not even its end: if it were closed and
        opened anew every few seconds, hundreds would wait, and all their messages would arrive.
        """
        waiting = set(sent)
        try:
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting, timeout=self._timeout or TIMEOUT, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done:
                    _raise_unless_returned(one)
                if not done:
                    await self._raise_unless_blocked()
            return [one.exception() or one.result() for one in sent]
        finally:
            for one in sent:
                one.cancel()
            await asyncio.gather(*sent, return_exceptions=True)

    async def _raise_unless_blocked(self) -> None:
        if not await self.is_blocked():
            raise TimeoutError
        log.warning("publisher_blocked", reason=BrokerRefuses.code)

    async def is_blocked(self) -> bool:
        """Whether the broker has said that it takes no messages."""
        return await self._connection.is_blocked()

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


def _raise_unless_returned(one: asyncio.Future[Any]) -> None:
    if one.cancelled():  # by aio-pika, when the channel died
        raise ConnectionError
    error = one.exception()
    if error is not None and not isinstance(error, PublishError):
        raise error
