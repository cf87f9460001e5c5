"""A queue whose leader does not answer looks empty and unused; nobody may rely on that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest
import pytest_asyncio
from sqlalchemy import text

from deploy.local.rabbitmq import RabbitMQ
from deploy.rabbitmq.definitions import ADMINISTRATOR
from shared.messaging.queue_migration import QueueInUse, declare_or_replace_queue
from tests.integration.conftest import Pools
from tests.integration.shared.catch_up.harness import DELIVERY_TIME, KEYS, CatchUpHarness
from tests.integration.shared.conftest import Effects
from tests.integration.shared.messaging.test_queue_migration import KEY, lay_old
from tests.integration.shared.test_readiness import make
from tests.support.apps import without_loops
from tests.support.broker import Broker, a_message, broker_at
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.rabbitmqctl import rabbitmqctl
from tests.support.waiting import eventually

_LEADER = """
{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{name}">>)),
{{Leader, _}} = amqqueue:get_pid(Queue), sys:{verb}(whereis(Leader)).
"""


@pytest_asyncio.fixture
async def private(node: RabbitMQ) -> AsyncIterator[Broker]:
    async with broker_at(node.url(ADMINISTRATOR)) as broker:
        yield broker
        await broker.close()


@asynccontextmanager
async def silent(node: RabbitMQ, queue: str) -> AsyncIterator[None]:
    """The queue's leader does not answer meanwhile."""
    await _tell_leader(node, queue, "suspend")
    try:
        yield
    finally:
        await _tell_leader(node, queue, "resume")


async def _tell_leader(node: RabbitMQ, queue: str, verb: str) -> None:
    vhost = node.url(ADMINISTRATOR).rsplit("/", 1)[1]
    told = _LEADER.format(vhost=vhost, name=queue, verb=verb)
    await asyncio.to_thread(rabbitmqctl, node, "eval", told)


async def test_what_waits_in_a_queue_that_looks_empty_is_not_fetched(
    node: RabbitMQ,
    private: Broker,
    pools: Pools,
    postgres: PrivateDatabase,
    keys: Keys,
    effects: Effects,
) -> None:
    service = await private.service(*KEYS)
    async with pools("reports").transaction() as connection:
        await connection.execute(text("DELETE FROM checkpoints WHERE name LIKE 'caught-up/%'"))
    app = make("files", keys, database_url=postgres.url("files"))
    async with without_loops(app):
        harness = CatchUpHarness(private, app, keys, pools("files"), effects.database, service)
        loop = harness.catch_up(effects.note)
        await loop.step()
        await harness.publish_events(10)
        waiting = await private.size(service)
        assert waiting
        await loop.step()  # sees how far the producer is
        await asyncio.sleep(2 * DELIVERY_TIME)
        async with silent(node, service):
            assert await private.size(service) == 0
            await loop.step()
        for _ in range(3):
            await asyncio.sleep(DELIVERY_TIME)
            await loop.step()
        await loop.close()
    assert "/internal/events" not in harness.transport.requests
    assert await private.size(service) == waiting


async def test_a_queue_that_looks_unused_is_not_deleted(
    node: RabbitMQ, private: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = "looks-unused"
    await lay_old(private, service)
    await private.put(service, *[a_message() for _ in range(8)])
    declare, looks = aio_pika.Queue.declare, 0

    async def first_in_silence(self: aio_pika.Queue, *arguments: Any, **more: Any) -> Any:
        nonlocal looks
        looks += self.name == service and self.passive
        if not (self.name == service and self.passive and looks <= 2):
            return await declare(self, *arguments, **more)
        async with silent(node, service):
            return await declare(self, *arguments, **more)

    consumer = await aio_pika.connect(private.url)
    async with consumer:
        channel = await consumer.channel()
        await channel.set_qos(prefetch_count=3)
        await (await channel.get_queue(service)).consume(_keep)
        with monkeypatch.context() as patched:
            patched.setattr(aio_pika.Queue, "declare", first_in_silence)
            with pytest.raises(QueueInUse):
                await declare_or_replace_queue(private.connection, service, [KEY])
    assert looks >= 2

    async def is_unused() -> bool:
        found = await private.channel.declare_queue(service, passive=True)
        return not found.declaration_result.consumer_count

    await eventually(is_unused)  # the broker notices a moment later
    await declare_or_replace_queue(private.connection, service, [KEY])
    assert await private.size(service) == 8
    await private.channel.queue_delete(service)


async def _keep(_: object) -> None:
    """A copy of an earlier version is at work on what it has."""
