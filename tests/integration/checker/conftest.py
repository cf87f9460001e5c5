"""A checker with a database of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from shared.db import Database
from tests.integration.checker.harness import CheckerHarness
from tests.support.administrator import Sql, administrator
from tests.support.databases import PrivateDatabase


@pytest_asyncio.fixture
async def checker(fresh_postgres: PrivateDatabase) -> AsyncIterator[CheckerHarness]:
    database = Database(fresh_postgres.url("checker"))
    yield CheckerHarness(database)
    await database.close()


@pytest_asyncio.fixture
async def sql(fresh_postgres: PrivateDatabase) -> AsyncIterator[Sql]:
    async with administrator(fresh_postgres, "checker") as run:
        yield run
