"""Each service may use its own queues and speak for itself, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError

from shared.contracts import CONSUMED, PUBLISHED, bindings
from shared.messaging.queue_migration import declare_queues
from shared.messaging.topology import (
    DEAD,
    EVENTS,
    FEED,
    PUBLIC,
    dead_queue,
    declare_queue,
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
        if service in CONSUMED:
            await _consume(channel, service)
        for exchange in (EVENTS, PUBLIC):
            for event in PUBLISHED[service]:
                await _publish(channel, exchange, f"{service}.{event.type_name()}")
    await _empty(server)


async def _consume(channel: AbstractChannel, service: str) -> None:
    """Bind all that is heard, publish a dead letter, look at it, take it away."""
    queue = await declare_queue(channel, service, bindings(service))
    await queue.get(fail=False, no_ack=True)
    dead = await channel.get_exchange(DEAD, ensure=False)
    await dead.publish(Message(b"letter"), dead_queue(service))
    letters = await channel.get_queue(dead_queue(service), ensure=False)
    letter = await letters.get(timeout=5)
    assert letter is not None
    await letter.ack()


async def _empty(server: Server) -> None:
    administrator = await aio_pika.connect(server.url())
    async with administrator:
        channel = await administrator.channel()
        await declare_queues(administrator)
        for service in CONSUMED:
            await (await channel.get_queue(service)).purge()


async def test_an_event_waits_for_a_consumer_that_has_never_started(server: Server) -> None:
    administrator = await aio_pika.connect(server.url())
    files = await aio_pika.connect(server.url("prereview_files"))
    async with administrator, files:
        channel = await administrator.channel()
        await declare_queues(administrator)
        queue = await channel.get_queue("checker")
        await queue.purge()
        await _publish(await files.channel(), EVENTS, "files.FileUploaded")
        waiting = await queue.get(timeout=5)
        assert waiting is not None
        await waiting.ack()


async def _publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(a_message(), key, mandatory=False)


Crime = Callable[[AbstractChannel], Awaitable[object]]


async def _keep(_: AbstractIncomingMessage) -> None:
    """What a thief would do with a message."""


def _with(name: str, act: Callable[[AbstractQueue], Awaitable[object]]) -> Crime:
    """Something done to a queue that somebody else has declared."""

    async def crime(channel: AbstractChannel) -> object:
        return await act(await channel.get_queue(name, ensure=False))

    return crime


def _thefts(name: str) -> dict[str, Crime]:
    """All ways to get at what a queue holds."""
    ways: dict[str, Callable[[AbstractQueue], Awaitable[object]]] = {
        "consume": lambda queue: queue.consume(_keep),
        "get": lambda queue: queue.get(),
        "purge": lambda queue: queue.purge(),
        "delete": lambda queue: queue.delete(if_unused=False, if_empty=False),
        "bind": lambda queue: queue.bind(EVENTS, "files.FileUploaded"),
        "unbind": lambda queue: queue.unbind(EVENTS, "files.FileUploaded"),
    }
    return {f"{way} {name}": _with(name, act) for way, act in ways.items()}


def _speech(exchange: str, key: str) -> dict[str, Crime]:
    return {f"publish {key} to {exchange}": lambda c: _publish(c, exchange, key)}


def _hearing(service: str, exchange: str, key: str) -> dict[str, Crime]:
    bound = _with(service, lambda queue: queue.bind(exchange, key))
    return {f"bind {key} of {exchange}": bound}


def _foreign(service: str) -> dict[str, Crime]:
    """What a service may not do, whatever it is."""
    crimes: dict[str, Crime] = {
        "declare a queue of its own making": lambda c: c.declare_queue("mine", durable=True),
        "declare a queue that begins like its own": lambda c: c.declare_queue(f"{service}2"),
        "declare a queue without a name": lambda c: c.declare_queue(exclusive=True),
        "declare an exchange": lambda c: c.declare_exchange("mine"),
        "redeclare the events": lambda c: c.declare_exchange(EVENTS, durable=False),
        "delete the events": lambda c: c.exchange_delete(EVENTS),
        **_thefts(FEED),
        **_speech("amq.topic", "x"),
        **_speech("", FEED),
    }
    for other in PUBLISHED.keys() - {service}:
        crimes |= _speech("", other) | _speech(DEAD, dead_queue(other))
        for event in PUBLISHED[other]:
            key = f"{other}.{event.type_name()}"
            crimes |= _speech(EVENTS, key) | _speech(PUBLIC, key)
    for other in CONSUMED.keys() - {service}:
        crimes |= _thefts(other) | _thefts(dead_queue(other))
    for key in ("", "Anything", ".", "X", "2.X"):
        crimes |= _speech(EVENTS, f"{service}{key}") | _speech(EVENTS, f"{service}.{key}")
    for event in PUBLISHED[service]:  # `$` would let a line break pass
        crimes |= _speech(EVENTS, f"{service}.{event.type_name()}\n")
    if service in CONSUMED:
        heard = bindings(service)
        spoken = [f"{p}.{e.type_name()}" for p, events in PUBLISHED.items() for e in events]
        for key in ("#", "*.*", "files.*", "auth.#", *(set(spoken) - set(heard))):
            crimes |= _hearing(service, EVENTS, key)
        crimes |= _hearing(service, PUBLIC, heard[0]) | _hearing(service, DEAD, "#")
        crimes |= _hearing(service, "amq.topic", "#")
        crimes |= _speech("", service)  # past the exchange that knows who speaks
    return crimes


@pytest.mark.parametrize("service", PUBLISHED)
async def test_what_belongs_to_others_is_refused(server: Server, service: str) -> None:
    await _empty(server)
    connection = await aio_pika.connect(server.url(f"prereview_{service}"))
    async with connection:
        crimes = _foreign(service)
        assert {
            n for n, crime in crimes.items() if not await _is_refused(connection, crime)
        } == set()


async def _is_refused(connection: AbstractConnection, crime: Crime) -> bool:
    channel = await connection.channel()
    try:
        await asyncio.wait_for(crime(channel), 10)
    except (AMQPError, asyncio.CancelledError) as error:
        return "ACCESS_REFUSED" in str(error)
    return False


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
