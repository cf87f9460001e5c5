"""auth on a real database, with a clock that tests can set."""

from collections.abc import AsyncIterator

import pytest_asyncio
from fastapi import FastAPI

from shared.db import Database
from tests.integration.auth.world import SetClock, World, make_app
from tests.support.apps import without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest_asyncio.fixture(scope="module")
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    async with without_loops(make_app(keys, postgres, SetClock())) as app:
        yield app


@pytest_asyncio.fixture
async def world(app: FastAPI, keys: Keys) -> World:
    """The module's application; time only goes on."""
    return World(app, keys, app.state.clock, app.state.provided[Database])


@pytest_asyncio.fixture
async def endless(world: World, postgres: PrivateDatabase) -> AsyncIterator[World]:
    """Its database and clock, where a session has no absolute end."""
    made = make_app(world.keys, postgres, world.clock, session_max_days=0)
    async with without_loops(made) as app:
        yield World(app, world.keys, world.clock, world.database)
