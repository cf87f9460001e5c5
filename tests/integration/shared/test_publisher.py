"""What is published has arrived, or the publisher says that it has not."""

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
