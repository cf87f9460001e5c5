"""Pools of connections, closed at the end of each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest_asyncio

from shared.db import Database
from tests.support.databases import PrivateDatabase

Pools = Callable[[str], Database]


@pytest_asyncio.fixture
async def pools(postgres: PrivateDatabase) -> AsyncIterator[Pools]:
    """`pools("files")`: connections of a role to the module's database."""
    async with AsyncExitStack() as stack:

        def make(role: str) -> Database:
            made = Database(postgres.url(role))
            stack.push_async_callback(made.close)
            return made

        yield make
