"""auth on a real database, with a clock that tests can set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from shared.db import Database
from tests.integration.auth.harness import AuthHarness, ManualClock, Variant, make_app
from tests.support.apps import without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest_asyncio.fixture(scope="module")
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    async with without_loops(make_app(keys, postgres, ManualClock())) as app:
        yield app


@pytest_asyncio.fixture
async def harness(app: FastAPI, keys: Keys) -> AuthHarness:
    """The module's application; time only goes on."""
    return AuthHarness(app, keys, app.state.clock, app.state.provided[Database])


@pytest.fixture
def variant(harness: AuthHarness, postgres: PrivateDatabase) -> Variant:
    """Another copy with the database and clock of `world`; takes what `make_app` takes."""

    @asynccontextmanager
    async def make(**changes: Any) -> AsyncIterator[AuthHarness]:
        made = make_app(harness.keys, postgres, harness.clock, **changes)
        async with without_loops(made) as app:
            yield AuthHarness(app, harness.keys, harness.clock, harness.database, harness.client)

    return make
