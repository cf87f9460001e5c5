"""A story in a database of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from shared.db import Database
from tests.integration.checker.story import Story
from tests.support.databases import PrivateDatabase


@pytest_asyncio.fixture
async def story(fresh_postgres: PrivateDatabase) -> AsyncIterator[Story]:
    database = Database(fresh_postgres.url("checker"))
    yield Story(database)
    await database.close()
