"""A notifier of a test's own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.notifier.settings import Settings
from shared.db import Database
from tests.integration.notifier.story import Story
from tests.support.apps import common_settings
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys
from tests.support.smtp_server import smtp_server


@pytest_asyncio.fixture
async def story(fresh_postgres: PrivateDatabase, keys: Keys) -> AsyncIterator[Story]:
    def make(**more: Any) -> Settings:
        url = fresh_postgres.url("notifier")
        return Settings(**common_settings("notifier", keys), database_url=url, **more)

    database = Database(fresh_postgres.url("notifier"))
    async with smtp_server() as smtp:
        story = Story(database, smtp, make)
        yield story
        await story.close()
    await database.close()
