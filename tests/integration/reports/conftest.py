"""The application as its routes see it, Ann who uses it, and a listener of the journal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.reports.journal_listener import JournalListener
from services.reports.main import create_app
from services.reports.queries.response_limits import ResponseLimits
from services.reports.settings import Settings
from tests.integration.conftest import Pools
from tests.integration.reports.harness import MakeApp
from tests.support.apps import as_user, client_of, common_settings, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest.fixture
def make_app(keys: Keys, postgres: PrivateDatabase) -> MakeApp:
    @asynccontextmanager
    async def made(
        *,
        response_limits: ResponseLimits = ResponseLimits(),  # noqa: B008 - it is frozen
    ) -> AsyncIterator[FastAPI]:
        url = postgres.url("reports")
        settings = Settings(**common_settings("reports", keys), database_url=url)
        async with without_loops(create_app(settings, response_limits=response_limits)) as app:
            yield app

    return made


@pytest_asyncio.fixture
async def app(make_app: MakeApp) -> AsyncIterator[FastAPI]:
    async with make_app() as app:
        yield app


@pytest.fixture
def ann() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def client(app: FastAPI, keys: Keys, ann: UUID) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app, headers=as_user(keys, ann)) as client:
        yield client


@pytest_asyncio.fixture
async def listener(pools: Pools) -> AsyncIterator[JournalListener]:
    made = JournalListener(pools("reports"))
    yield made
    await made.close()
