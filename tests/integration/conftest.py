"""Connections that are closed at the end of each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest_asyncio

from shared.db import Database
from tests.support.broker import Broker, broker_at
from tests.support.databases import PrivateDatabase

Pools = Callable[[str], Database]


@pytest_asyncio.fixture
async def pools(postgres: PrivateDatabase) -> AsyncIterator[Pools]:
    """`pools("files")`: connections of a role to the module's database."""
    async with AsyncExitStack() as stack:
        made: dict[str, Database] = {}

        def pool(role: str) -> Database:
            if role not in made:
                made[role] = Database(postgres.url(role))
                stack.push_async_callback(made[role].close)
            return made[role]

        yield pool


@pytest_asyncio.fixture
async def broker(amqp_url: str) -> AsyncIterator[Broker]:
    async with broker_at(amqp_url) as broker:
        yield broker
        await broker.close()
