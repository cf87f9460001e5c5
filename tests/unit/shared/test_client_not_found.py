"""Who may say that there is no such thing: the service that was asked, and not a wrong address."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest
from pydantic import BaseModel

from shared.errors import NotFound
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.client import ServiceClient, ServiceUnavailable, http_client
from shared.web.routes import Router
from tests.support.apps import common_settings
from tests.support.keys import Keys

router = Router()


class Person(BaseModel):
    name: str


@router.get("/internal/people/{name}")
async def person(name: str) -> dict[str, str]:
    if name == "nobody":
        raise NotFound
    return {"name": name}


@asynccontextmanager
async def calling(keys: Keys, transport: httpx2.AsyncBaseTransport) -> AsyncIterator[ServiceClient]:
    client = ServiceClient("auth", "http://auth", keys.identity("notifier"), http_client(transport))
    yield client
    await client.close()


def answering(answer: Callable[[], httpx2.Response]) -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda _: answer())


async def test_a_service_of_ours_says_that_there_is_nobody(keys: Keys) -> None:
    app = create_app("auth", Settings(**common_settings("auth", keys)), [router])
    async with calling(keys, httpx2.ASGITransport(app)) as client:
        assert await client.fetch(Person, "GET", "/internal/people/ann") == Person(name="ann")
        with pytest.raises(NotFound):
            await client.fetch(Person, "GET", "/internal/people/nobody")


async def test_a_path_that_a_service_of_ours_does_not_have_says_nothing(keys: Keys) -> None:
    """As at an address where another of our services listens."""
    app = create_app("auth", Settings(**common_settings("auth", keys)), [router])
    async with calling(keys, httpx2.ASGITransport(app)) as client:
        with pytest.raises(ServiceUnavailable):
            await client.fetch(Person, "GET", "/internal/persons/nobody")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx2.Response(404),
        lambda: httpx2.Response(404, text="<h1>404 Not Found</h1>"),
        lambda: httpx2.Response(404, json=["not_found"]),
        lambda: httpx2.Response(404, json={"code": "no_such_page", "params": {}}),
        lambda: httpx2.Response(410, json={"code": "not_found", "params": {}}),
        lambda: httpx2.Response(302, headers={"Location": "http://elsewhere/"}),
        lambda: httpx2.Response(200, text="<h1>Welcome</h1>"),
    ],
    ids=["empty", "page", "list", "other code", "other status", "moved", "no JSON"],
)
async def test_what_somebody_else_answers_says_nothing(
    keys: Keys, answer: Callable[[], httpx2.Response]
) -> None:
    async with calling(keys, answering(answer)) as client:
        with pytest.raises(ServiceUnavailable):
            await client.fetch(Person, "GET", "/internal/people/ann")
