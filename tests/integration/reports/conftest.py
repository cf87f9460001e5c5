"""The application as its routes see it, and Ann who uses it."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.reports.main import create_app
from services.reports.settings import Settings
from tests.support.apps import as_user, client_of, common_settings, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest_asyncio.fixture
async def app(keys: Keys, postgres: PrivateDatabase) -> AsyncIterator[FastAPI]:
    url = postgres.url("reports")
    settings = Settings(**common_settings("reports", keys), database_url=url)
    async with without_loops(create_app(settings)) as app:
        yield app


@pytest.fixture
def ann() -> UUID:
    return uuid4()


@pytest_asyncio.fixture
async def client(app: FastAPI, keys: Keys, ann: UUID) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app, headers=as_user(keys, ann)) as client:
        yield client
