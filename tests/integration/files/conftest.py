"""The application, two people, a clock, and the loop that deletes what has expired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.files.diffs.limiter import DiffLimiter
from services.files.main import create_app
from services.files.queries.response_limits import ResponseLimits
from services.files.retention import Retention
from services.files.settings import Settings
from services.files.storage.sweep import ContentSweep
from shared.db import Database
from tests.integration.conftest import Pools
from tests.integration.files.harness import LIMIT, STORE, MakeApp, ManualClock, Person, person
from tests.support.apps import common_settings, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def make_app(keys: Keys, postgres: PrivateDatabase, clock: ManualClock) -> MakeApp:
    @asynccontextmanager
    async def made(
        *,
        database: Database | None = None,
        diff_limiter: DiffLimiter | None = None,
        response_limits: ResponseLimits = ResponseLimits(),  # noqa: B008 - it is frozen
        **changes: Any,
    ) -> AsyncIterator[FastAPI]:
        values = {"max_file_bytes": LIMIT, "uploads_per_minute": 1000}
        values |= common_settings("files", keys) | {"database_url": postgres.url("files")}
        app = create_app(
            Settings(**(values | changes)),
            clock=clock,
            database=database,
            diff_limiter=diff_limiter,
            response_limits=response_limits,
        )
        async with without_loops(app):
            yield app

    return made


@pytest_asyncio.fixture
async def app(make_app: MakeApp) -> AsyncIterator[FastAPI]:
    async with make_app() as app:
        yield app


@pytest_asyncio.fixture
async def ann(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    async with person(app, keys) as ann:
        yield ann


@pytest_asyncio.fixture
async def bob(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    async with person(app, keys) as bob:
        yield bob


@pytest.fixture
def retention(pools: Pools, clock: ManualClock) -> Retention:
    """As main makes it, without its loop."""
    database = pools("files")
    sweep = ContentSweep(database)
    return Retention(database, STORE, sweep, keep_for=timedelta(days=30), clock=clock)
