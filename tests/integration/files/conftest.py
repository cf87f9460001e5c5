"""The application, two people, and a clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.files.main import create_app
from services.files.settings import Settings
from tests.integration.files.acts import LIMIT, Hands, MakeApp, Person
from tests.support.apps import as_user, client_of, common_settings, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.keys import Keys


@pytest.fixture
def clock() -> Hands:
    return Hands(datetime.now(UTC))


@pytest.fixture
def make_app(keys: Keys, postgres: PrivateDatabase, clock: Hands) -> MakeApp:
    @asynccontextmanager
    async def made(**changes: Any) -> AsyncIterator[FastAPI]:
        values = {"max_file_bytes": LIMIT, "uploads_per_minute": 1000}
        values |= common_settings("files", keys) | {"database_url": postgres.url("files")}
        settings = Settings(**(values | changes))
        async with without_loops(create_app(settings, clock=clock)) as app:
            yield app

    return made


@pytest_asyncio.fixture
async def app(make_app: MakeApp) -> AsyncIterator[FastAPI]:
    async with make_app() as app:
        yield app


@pytest_asyncio.fixture
async def ann(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    """A new person for each test, so that no file of another test is in the way."""
    async with person(app, keys) as ann:
        yield ann


@pytest_asyncio.fixture
async def bob(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    async with person(app, keys) as bob:
        yield bob


@asynccontextmanager
async def person(app: FastAPI, keys: Keys) -> AsyncIterator[Person]:
    user_id = uuid4()
    async with client_of(app, headers=as_user(keys, user_id)) as http:
        yield Person(user_id, http)
