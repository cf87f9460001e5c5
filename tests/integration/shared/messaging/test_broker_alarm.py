"""A broker short of memory takes no messages: everything goes on, and says so."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from deploy.local.rabbitmq import RabbitMQ
from deploy.rabbitmq.definitions import ADMINISTRATOR
from shared import runtime
from shared.messaging import publisher
from shared.messaging.connection import BrokerRefuses
from shared.messaging.queue_migration import declare_queues
from shared.messaging.topology import dead_queue
from shared.web.files_state import FILES_STATE
from tests.integration.conftest import Pools
from tests.integration.shared.conftest import Effects
from tests.integration.shared.messaging.test_consumer import consuming
from tests.integration.shared.test_readiness import make, running
from tests.support.apps import as_user
from tests.support.broker import Broker, a_message, all_of, broker_at, events_in, raw_message
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.rabbitmqctl import rabbitmqctl
from tests.support.waiting import eventually

LIMIT = "set_vm_memory_high_watermark"
REFUSES = BrokerRefuses.code


@pytest_asyncio.fixture
async def calm(node: RabbitMQ) -> AsyncIterator[Broker]:
    """The broker before the alarm, and after it."""
    async with broker_at(node.url(ADMINISTRATOR)) as broker:
        await declare_queues(broker.connection)
        yield broker
        await _end(node)
        await broker.close()


async def _raise(node: RabbitMQ) -> None:
    await asyncio.to_thread(rabbitmqctl, node, LIMIT, "0")


async def _end(node: RabbitMQ) -> None:
    await asyncio.to_thread(rabbitmqctl, node, LIMIT, "absolute", "512MiB")


async def _state(client: httpx2.AsyncClient, expected: str) -> bool:
    answer = await client.get("/readyz")
    return (answer.status_code, answer.json().get("broker")) == (200, expected)


async def _connections(node: RabbitMQ) -> int:
    listed = await asyncio.to_thread(rabbitmqctl, node, "list_connections", "client_properties")
    return listed.count("files publishes")


@pytest.mark.parametrize("service", ["auth", "files", "checker", "notifier"])
async def test_a_service_with_nothing_to_tell_knows_of_the_alarm_and_of_its_end(
    service: str, node: RabbitMQ, calm: Broker, keys: Keys, postgres: PrivateDatabase
) -> None:
    url = node.url(f"prereview_{service}")
    app = make(service, keys, database_url=postgres.url(service), amqp_url=url)
    async with running(app) as client:
        await eventually(partial(_state, client, "ok"), 20)
        await _raise(node)
        await eventually(partial(_state, client, REFUSES), 20)
        await _end(node)
        await eventually(partial(_state, client, "ok"), 20)


async def test_what_is_told_in_an_alarm_waits_on_one_connection_and_arrives_once(
    node: RabbitMQ,
    calm: Broker,
    keys: Keys,
    postgres: PrivateDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "TIMEOUT", 0.5)
    heard = await calm.listener("files.*")
    url = node.url("prereview_files")
    app = make("files", keys, database_url=postgres.url("files"), amqp_url=url)
    async with running(app) as client:
        await eventually(partial(_state, client, "ok"), 20)
        await _raise(node)
        headers = as_user(keys, uuid4())
        told = [await _upload(client, headers, f"{number}.py") for number in range(3)]
        await eventually(partial(_state, client, REFUSES), 20)
        await asyncio.sleep(3)  # some timeouts
        assert await _connections(node) == 1
        assert await all_of(heard) == []
        await _end(node)
        await eventually(partial(_state, client, "ok"), 5)
        arrived: list[str | None] = []

        async def have_arrived() -> bool:
            arrived.extend(message.message_id for message in await events_in(heard))
            return len(arrived) >= len(told)

        await eventually(have_arrived, 20)
        await asyncio.sleep(1)  # in which something could come twice
        await have_arrived()
        assert arrived == told


async def test_in_an_alarm_what_is_no_poison_is_handled_and_the_poison_dead_lettered_once_after_it(
    node: RabbitMQ,
    calm: Broker,
    pools: Pools,
    effects: Effects,
) -> None:
    service, messages = await calm.service(), [a_message() for _ in range(3)]
    poison = raw_message(b"{")
    await calm.put(service, poison, messages[0], poison, *messages[1:])

    async def are_handled() -> bool:
        return await effects.of(*(UUID(message.message_id) for message in messages)) == [1] * 3

    await _raise(node)
    reading = consuming(service, calm.url, pools("reports"), effects.note, reconnect_after=1.0)
    async with reading:
        await eventually(are_handled, 20)
        await asyncio.sleep(3)  # in silence, but with letters on their way
        assert await calm.size(dead_queue(service)) == 0
        await _end(node)
        for _ in range(2):
            assert (await calm.take(dead_queue(service))).body == poison.body
        await asyncio.sleep(1)  # in which a third one could come
        assert await calm.size(dead_queue(service)) == 0
        await eventually(partial(calm.is_settled, service))


async def test_in_an_alarm_a_service_stops_in_time(
    node: RabbitMQ,
    calm: Broker,
    keys: Keys,
    postgres: PrivateDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "SHUTDOWN_TIMEOUT", 0.5)
    url = node.url("prereview_files")
    app = make("files", keys, database_url=postgres.url("files"), amqp_url=url)
    async with running(app) as client:
        await eventually(partial(_state, client, "ok"), 20)
        await _raise(node)
        await eventually(partial(_state, client, REFUSES), 20)
        began = time.monotonic()
    assert time.monotonic() - began < 4


async def test_the_list_is_known_to_be_behind_until_the_news_arrives(
    node: RabbitMQ, calm: Broker, keys: Keys, postgres: PrivateDatabase
) -> None:
    headers = as_user(keys, uuid4())

    def app(service: str) -> FastAPI:
        url = node.url(f"prereview_{service}")
        return make(service, keys, database_url=postgres.url(service), amqp_url=url)

    async with running(app("files")) as files, running(app("reports")) as reports:

        async def files_states() -> tuple[str, str]:
            stored = await files.get("/internal/limits", headers=headers)
            listed = await reports.get("/internal/files", headers=headers)
            return stored.headers[FILES_STATE], listed.headers[FILES_STATE]

        async def agree() -> bool:
            stored, listed = await files_states()
            return stored == listed

        await eventually(partial(_state, files, "ok"), 20)
        assert await files_states() == ("0", "0")
        await _upload(files, headers, "first.py")
        await eventually(agree, 10)
        await _raise(node)
        for name in ("second.py", "first.py"):  # one more, and a version of the first
            await _upload(files, headers, name, b"x = 1\n")
            assert not await agree()
        await _end(node)
        await eventually(agree, 10)
        assert (await files_states())[0].startswith("2 ")


async def _upload(
    client: httpx2.AsyncClient, headers: dict[str, str], name: str, content: bytes = b""
) -> str:
    params = {"name": name, "replace": "true"}
    answer = await client.post("/internal/files", params=params, headers=headers, content=content)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])
