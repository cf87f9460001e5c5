"""A database that takes no writes: reading goes on, and everybody is told why writing does not."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

import httpx2
import pytest_asyncio

from shared.db import DatabaseRefusesWrites
from tests.integration.shared.test_readiness import make, running
from tests.support.apps import as_user, is_problem
from tests.support.broker import Broker
from tests.support.databases import PrivateDatabase, copy, drop
from tests.support.keys import Keys
from tests.support.waiting import eventually

REFUSES = DatabaseRefusesWrites.code


@pytest_asyncio.fixture
async def database(template: PrivateDatabase) -> AsyncIterator[PrivateDatabase]:
    made = await copy(template)
    yield made
    await drop(made)


async def _set_read_only(database: PrivateDatabase, value: str) -> None:
    """As administrators and providers do it for a whole database."""
    admin = await database.admin()
    await admin.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
    name = database.admin_url.database
    await admin.execute(f'ALTER DATABASE "{name}" {value}')
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()


async def _readyz(client: httpx2.AsyncClient, **expected: str) -> bool:
    answer = await client.get("/readyz")
    told = answer.json()
    return answer.status_code == 200 and all(told[name] == word for name, word in expected.items())


async def test_it_is_told_and_reading_goes_on(
    keys: Keys, database: PrivateDatabase, broker: Broker
) -> None:
    app = make("files", keys, database_url=database.url("files"), amqp_url=broker.url)
    headers = as_user(keys, uuid4())
    await broker.listener("files.*")
    async with running(app) as client:

        async def upload(name: str) -> httpx2.Response:
            return await client.post("/internal/files", params={"name": name}, headers=headers)

        await eventually(partial(_readyz, client, database="ok", consumer="ok"), 20)
        stored = (await upload("before.py")).json()["file_id"]
        await _set_read_only(database, "SET default_transaction_read_only = on")
        await eventually(partial(_readyz, client, database=REFUSES), 20)
        refused = await upload("meanwhile.py")
        assert is_problem(refused, 503, REFUSES)
        assert refused.headers["retry-after"] == "5"
        read = await client.get(f"/internal/files/{stored}/content", headers=headers)
        assert read.status_code == 200
        await _set_read_only(database, "RESET default_transaction_read_only")
        await eventually(partial(_readyz, client, database="ok", consumer="ok", broker="ok"), 10)
        assert (await upload("after.py")).status_code == 201


async def test_a_consumer_that_cannot_begin_names_the_databases_state(
    keys: Keys, database: PrivateDatabase, broker: Broker
) -> None:
    await _set_read_only(database, "SET default_transaction_read_only = on")
    app = make("reports", keys, database_url=database.url("reports"), amqp_url=broker.url)
    async with running(app) as client:
        await eventually(partial(_readyz, client, database=REFUSES, consumer=REFUSES), 20)
        await _set_read_only(database, "RESET default_transaction_read_only")
        await eventually(partial(_readyz, client, database="ok", consumer="ok"), 5)
