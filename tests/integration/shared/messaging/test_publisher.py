"""What is published has arrived, or the publisher says that it has not."""

import asyncio
from urllib.parse import urlsplit

import pytest
from aio_pika.exceptions import DeliveryError

from shared.errors import Unavailable
from shared.messaging.publisher import Publisher
from shared.messaging.topology import DEAD, EVENTS
from tests.support.broker import Broker, a_message
from tests.support.proxy import proxy_to


async def test_a_message_that_no_queue_wants_raises(broker: Broker) -> None:
    await broker.service("files.FileUploaded")
    publisher = Publisher(broker.url, "test")
    try:
        with pytest.raises(DeliveryError):
            await publisher.publish(DEAD, [("nobody.dead", a_message())])
        await publisher.publish(EVENTS, [("files.FileUploaded", a_message())])
        assert publisher.is_open
    finally:
        await publisher.close()


async def test_one_unwanted_message_fails_its_batch(broker: Broker) -> None:
    service = await broker.service()
    publisher = Publisher(broker.url, "test")
    try:
        with pytest.raises(DeliveryError):
            await publisher.publish(
                DEAD, [(f"{service}.dead", a_message()), ("nobody.dead", a_message())]
            )
    finally:
        await publisher.close()


async def test_what_no_queue_wants_is_named_and_the_rest_arrives(broker: Broker) -> None:
    service = await broker.service()
    keys = ["nobody.dead", f"{service}.dead"] * 2
    publisher = Publisher(broker.url, "test")
    try:
        returned = await publisher.publish_collecting_returns(
            DEAD, [(key, a_message()) for key in keys]
        )
        assert set(returned) == {0, 2}
        assert publisher.is_open
        assert await broker.size(f"{service}.dead") == 2
    finally:
        await publisher.close()


async def test_a_broker_that_is_slow_but_goes_on_is_waited_for() -> None:
    """A page may take longer than a single answer may; given up, it would begin anew for ever."""
    publisher = Publisher("amqp://nobody@127.0.0.1:1/", "test", timeout=0.4)
    slow = [asyncio.ensure_future(asyncio.sleep(0.2 * number, number)) for number in range(6)]
    assert await publisher._confirmed(slow) == [0, 1, 2, 3, 4, 5]
    silent = asyncio.ensure_future(asyncio.sleep(5))
    with pytest.raises(TimeoutError):
        await publisher._confirmed([silent])
    assert silent.cancelled()


async def test_where_nobody_listens_the_broker_is_away() -> None:
    publisher = Publisher("amqp://guest:guest@127.0.0.1:1/", "test")
    with pytest.raises(Unavailable):
        await publisher.publish(EVENTS, [("files.FileUploaded", a_message())])
    with pytest.raises(Unavailable):
        await publisher.connect()
    await publisher.close()


async def test_a_wrong_password_is_told_as_an_absence(broker: Broker) -> None:
    parts = urlsplit(broker.url)
    wrong = parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}")
    publisher = Publisher(wrong.geturl(), "test")
    with pytest.raises(Unavailable):
        await publisher.connect()
    await publisher.close()


async def test_a_connection_cut_while_publishing_is_told(broker: Broker) -> None:
    await broker.service("files.FileUploaded")
    async with proxy_to(broker.url) as (proxy, url):
        publisher = Publisher(url, "test")
        await publisher.connect()
        await proxy.cut()
        with pytest.raises(Unavailable):
            await publisher.publish(EVENTS, [("files.FileUploaded", a_message())])
        await proxy.mend()
        await publisher.publish(EVENTS, [("files.FileUploaded", a_message())])
        await publisher.close()
