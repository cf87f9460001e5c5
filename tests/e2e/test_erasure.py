"""After an account is erased nothing anywhere tells of its person."""

import json
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import aio_pika
import asyncpg
import httpx2
import pytest
import pytest_asyncio

from deploy.local.credentials import open_credentials
from deploy.local.database import database_url
from deploy.local.options import Options
from deploy.local.ports import chosen_ports
from deploy.postgres.provision import DATABASE, with_database
from deploy.rabbitmq.definitions import ADMINISTRATOR, VHOST
from shared.contracts import CONSUMED
from shared.messaging.envelope import to_message
from shared.messaging.topology import dead_queue
from tests.e2e.conftest import Register
from tests.support.broker import read_feed
from tests.support.events import recorded, uploaded
from tests.support.people import PASSWORD, Person
from tests.support.product import Product
from tests.support.waiting import eventually

EMAIL = "forgotten.soul@example.com"
TRACES = ("forgotten.soul", "diary_of_a_soul", "second_thoughts", "Zaphod4711")
CONTENT = b"import os  # Zaphod4711\nZaphod4711 = undefined_Zaphod4711\n"


@pytest.fixture(scope="module")
def database(product: Product) -> Iterator[str]:
    with database_url(Options(data=product.folder / "data")) as url:
        yield with_database(url, DATABASE)


@pytest_asyncio.fixture(scope="module")
async def broker(product: Product) -> AsyncIterator[aio_pika.abc.AbstractConnection]:
    data = product.folder / "data"
    port = chosen_ports(data / "ports.json")["rabbitmq"]
    password = open_credentials(data / "secrets").rabbitmq[ADMINISTRATOR]
    connection = await aio_pika.connect(
        host="127.0.0.1", port=port, login=ADMINISTRATOR, password=password, virtualhost=VHOST
    )
    yield connection
    await connection.close()


async def test_an_erased_account_leaves_no_trace(
    register: Register, database: str, broker: aio_pika.abc.AbstractConnection
) -> None:
    soul = await _somebody_with_a_past(register)
    neighbour = await register("neighbour@example.com")
    shared = await neighbour.upload("also_mine.py", CONTENT.replace(b"Zaphod4711", b"other"))
    user_id = (await soul.get("/me"))["user_id"]
    await _lay_aside(broker, UUID(user_id))
    assert await _tables_with(database, TRACES), "the search must find what is there"
    assert await _queues_with(broker, TRACES) == [dead_queue("reports")]

    answer = await soul.http.request("DELETE", "/me", json={"password": PASSWORD})
    assert answer.status_code == 204, answer.text

    await eventually(lambda: _is_clean(database), seconds=60)
    assert await _tables_with(database, TRACES) == []
    assert await _queues_with(broker, TRACES) == []
    feed = await _feed(broker, user_id)
    assert any("UserErased" in message for message in feed)
    assert not [trace for trace in TRACES if any(trace in message for message in feed)]
    assert (await neighbour.http.get(f"/files/{shared['id']}/content")).status_code == 200


async def test_who_is_erased_is_locked_out_and_the_address_is_free(
    product: Product, register: Register
) -> None:
    email = "phoenix@example.com"
    phoenix = await register(email)
    await phoenix.upload("ashes.py", b"x = 1\n")
    token = await phoenix.http.post(
        "/tokens", json={"name": "robot", "scopes": ["files:read"], "expires_in_days": 1}
    )
    answer = await phoenix.http.request("DELETE", "/me", json={"password": PASSWORD})
    assert answer.status_code == 204

    async def locked_out() -> bool:
        return (await phoenix.http.get("/files")).status_code == 401

    await eventually(locked_out, seconds=60)
    login = await phoenix.http.post("/sessions", json={"email": email, "password": PASSWORD})
    assert login.status_code == 401
    bearer = {"Authorization": f"Bearer {token.json()['token']}"}
    async with httpx2.AsyncClient(base_url=f"{product.url}/api/v1", headers=bearer) as robot:

        async def robot_locked_out() -> bool:
            return (await robot.get("/files")).status_code == 401

        await eventually(robot_locked_out, seconds=60)
    again = await Person.unconfirmed(product, email)
    assert (await again.get("/files"))["files"] == []
    await again.http.aclose()


async def _somebody_with_a_past(register: Register) -> Person:
    """Two files, one renamed and one deleted, all checked and mailed about; a token, a mail."""
    soul = await register(EMAIL)
    await soul.upload("diary_of_a_soul.py", CONTENT)
    await soul.upload("gone_diary_of_a_soul.py", CONTENT)
    path = f"/files/{soul.files['diary_of_a_soul.py']}/content"
    renamed = {"file": ("second_thoughts.py", CONTENT + b"# Zaphod4711 again\n")}
    assert (await soul.http.put(path, files=renamed)).status_code == 200
    await eventually(soul.all_mails_sent, seconds=60)
    gone = soul.files.pop("gone_diary_of_a_soul.py")
    assert (await soul.http.delete(f"/files/{gone}")).status_code == 204
    return soul


async def _lay_aside(broker: aio_pika.abc.AbstractConnection, user_id: UUID) -> None:
    """A message about the person that reports could not handle."""
    channel = await broker.channel()
    letter = to_message(recorded(uploaded(uuid4(), user_id, "diary_of_a_soul.py")))
    await channel.default_exchange.publish(letter, dead_queue("reports"))
    await channel.close()


async def _is_clean(database: str) -> bool:
    return not await _tables_with(database, TRACES)


async def _tables_with(database: str, traces: tuple[str, ...]) -> list[str]:
    """Tables with a row that holds one of the texts, in words or bytes."""
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        patterns = [f"%{text}%" for one in traces for text in (one, one.encode().hex())]
        return [
            row["name"]
            for row in tables
            if await connection.fetchval(
                f"SELECT exists(SELECT FROM {row['name']} AS t WHERE t::text ILIKE ANY($1))",
                patterns,
            )
        ]
    finally:
        await connection.close()


async def _queues_with(
    broker: aio_pika.abc.AbstractConnection, traces: tuple[str, ...]
) -> list[str]:
    """Queues with a message that holds one of the texts; the messages stay where they are."""
    channel = await broker.channel()
    found = []
    for name in [*CONSUMED, *map(dead_queue, CONSUMED)]:
        queue = await channel.get_queue(name, ensure=False)
        taken = []
        while (message := await queue.get(fail=False)) is not None:
            taken.append(message)
        if any(trace.encode() in message.body for message in taken for trace in traces):
            found.append(name)
        for message in taken:
            await message.reject(requeue=True)
    await channel.close()
    return found


async def _feed(broker: aio_pika.abc.AbstractConnection, user_id: str) -> list[str]:
    """Everything in the feed, up to the erasure of a user."""

    def is_the_erasure(message: aio_pika.abc.AbstractIncomingMessage) -> bool:
        envelope = json.loads(message.body)
        return bool(envelope["type"].endswith("UserErased.v1") and envelope["userid"] == user_id)

    return [message.body.decode() for message in await read_feed(broker, is_the_erasure)]
