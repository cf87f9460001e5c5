"""What is counted, and what can't be made to be counted."""

from collections.abc import AsyncIterator

import httpx2
import pytest_asyncio

from shared.settings import Settings
from shared.web.app import create_app
from tests.support.apps import client_of, common_settings
from tests.support.keys import Keys


@pytest_asyncio.fixture
async def client(keys: Keys) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app("files", Settings(**common_settings("files", keys)), [])
    async with client_of(app) as client:
        yield client


async def _methods(client: httpx2.AsyncClient) -> set[str]:
    figures = (await client.get("/metrics")).text
    lines = [line for line in figures.splitlines() if "_count{" in line]
    return {line.partition('method="')[2].partition('"')[0] for line in lines}


async def test_methods_of_ones_own_making_are_counted_as_one(client: httpx2.AsyncClient) -> None:
    """Each label is a series that is kept for ever: a stranger must not make them up."""
    for method in ("BREW", "PROPFIND", "X1", "X2"):
        await client.request(method, "/healthz")
    assert await _methods(client) == {"other"}


async def test_methods_that_everybody_knows_are_counted_by_name(client: httpx2.AsyncClient) -> None:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    for method in known:
        await client.request(method, "/healthz")
    assert await _methods(client) == known
