"""Each service may use its own queues and speak for itself, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError

from shared.contracts import PUBLISHED
from shared.messaging.topology import (
    DEAD,
    EVENTS,
    FEED,
    PUBLIC,
    dead_queue,
    declare_queue,
    declare_queues,
    declare_shared,
)
from tests.support.broker import a_message
from tests.support.servers import Broker as Server


@pytest_asyncio.fixture(scope="module")
async def server(rabbitmq: Server) -> Server:
    """A broker with the users of production and the exchanges that belong to nobody."""
    connection = await aio_pika.connect(rabbitmq.url())
    await declare_shared(await connection.channel())
    await connection.close()
    return rabbitmq


@pytest_asyncio.fixture
async def checker(server: Server) -> AsyncIterator[AbstractConnection]:
    connection = await aio_pika.connect(server.url("prereview_checker"))
    yield connection
    await connection.close()


@pytest.mark.parametrize("service", PUBLISHED)
async def test_every_service_can_do_its_work(server: Server, service: str) -> None:
    connection = await aio_pika.connect(server.url(f"prereview_{service}"))
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        queue = await declare_queue(channel, service, ["files.FileUploaded"])
        dead = await channel.get_exchange(DEAD, ensure=False)
        await dead.publish(Message(b"letter"), dead_queue(service))
        letters = await channel.get_queue(dead_queue(service), ensure=False)
        letter = await letters.get(timeout=5)
        assert letter is not None
        await letter.ack()
        events = await channel.get_exchange(EVENTS, ensure=False)
        if PUBLISHED[service]:
            await queue.bind(EVENTS, f"{service}.Anything")
            await events.publish(a_message(), f"{service}.Anything")
            public = await channel.get_exchange(PUBLIC, ensure=False)
            await public.publish(a_message(), f"{service}.Anything")
        await queue.purge()


async def test_an_event_waits_for_a_consumer_that_has_never_started(server: Server) -> None:
    administrator = await aio_pika.connect(server.url())
    files = await aio_pika.connect(server.url("prereview_files"))
    async with administrator, files:
        channel = await administrator.channel()
        await declare_queues(channel)
        queue = await channel.get_queue("checker")
        await queue.purge()
        await _publish(await files.channel(), EVENTS, "files.FileUploaded")
        waiting = await queue.get(timeout=5)
        assert waiting is not None
        await waiting.ack()


async def _publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(a_message(), key)


CRIMES: dict[str, Callable[[AbstractChannel], Awaitable[object]]] = {
    "speak for files": lambda c: _publish(c, EVENTS, "files.FileUploaded"),
    "speak for checker2": lambda c: _publish(c, EVENTS, "checker2.FileChecked"),
    "speak for nobody": lambda c: _publish(c, EVENTS, "checkerXFileChecked"),
    "bury for reports": lambda c: _publish(c, DEAD, "reports.dead"),
    "write to the feed's exchange of the broker": lambda c: _publish(c, "amq.topic", "x"),
    "tell the feed of files": lambda c: _publish(c, PUBLIC, "files.FileUploaded"),
    "declare a queue of reports": lambda c: c.declare_queue("reports", durable=True),
    "declare a queue of its own making": lambda c: c.declare_queue("checker2", durable=True),
    "declare an exchange": lambda c: c.declare_exchange("mine"),
    "redeclare the events": lambda c: c.declare_exchange(EVENTS, durable=False),
    "delete the events": lambda c: c.exchange_delete(EVENTS),
    "delete the queue of reports": lambda c: c.queue_delete("reports"),
    "delete the feed": lambda c: c.queue_delete(FEED),
}


@pytest.mark.parametrize("crime", CRIMES)
async def test_what_belongs_to_others_is_refused(
    server: Server, checker: AbstractConnection, crime: str
) -> None:
    channel = await checker.channel()
    with pytest.raises((AMQPError, asyncio.CancelledError)) as caught:
        await CRIMES[crime](channel)
    assert "ACCESS_REFUSED" in str(caught.value)


async def _keep(_: AbstractIncomingMessage) -> None:
    """What a thief would do with a message."""


THEFTS: list[Callable[[AbstractQueue], Awaitable[object]]] = [
    lambda queue: queue.consume(_keep),
    lambda queue: queue.get(),
    lambda queue: queue.purge(),
    lambda queue: queue.bind(EVENTS, "#"),
]


async def test_the_queue_of_another_can_be_neither_read_nor_emptied(
    server: Server, checker: AbstractConnection
) -> None:
    admin = await aio_pika.connect(server.url())
    async with admin:
        await declare_queue(await admin.channel(), "reports", [])
        for steal in THEFTS:
            queue = await (await checker.channel()).get_queue("reports", ensure=False)
            with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
                await steal(queue)


async def test_a_forged_event_reaches_nobody(server: Server, checker: AbstractConnection) -> None:
    admin = await aio_pika.connect(server.url())
    async with admin:
        channel = await admin.channel()
        heard = await channel.declare_queue(exclusive=True)
        await heard.bind(EVENTS, "#")
        with pytest.raises((AMQPError, asyncio.CancelledError)):
            await _publish(await checker.channel(), EVENTS, "files.FileUploaded")
        assert await heard.get(fail=False) is None


@pytest.mark.parametrize("user", ["guest", "prereview_checker"])
async def test_without_the_password_nobody_comes_in(server: Server, user: str) -> None:
    url = f"amqp://{user}:guest@{server.host}:{server.port}/prereview"
    with pytest.raises(AMQPError):
        await aio_pika.connect(url)
