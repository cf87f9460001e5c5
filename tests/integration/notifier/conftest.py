"""A notifier with a database of its own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.notifier.settings import Settings
from shared.db import Database
from tests.integration.notifier.harness import NotifierHarness
from tests.support.apps import common_settings
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.smtp_server import smtp_server


@pytest_asyncio.fixture
async def notifier(fresh_postgres: PrivateDatabase, keys: Keys) -> AsyncIterator[NotifierHarness]:
    def make(**more: Any) -> Settings:
        url = fresh_postgres.url("notifier")
        return Settings(**common_settings("notifier", keys), database_url=url, **more)

    database = Database(fresh_postgres.url("notifier"))
    async with smtp_server() as smtp:
        notifier = NotifierHarness(database, smtp, make)
        yield notifier
        await notifier.close()
    await database.close()
