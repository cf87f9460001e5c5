"""A gateway whose services are fakes."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.gateway.identity.renewing_user import RENEWAL
from services.gateway.main import GatewayLimits, create_app
from services.gateway.settings import Settings
from shared.web.retries import RETRY
from tests.support.keys import Keys
from tests.unit.gateway.fake_services import Network, Services

Browsers = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def services(keys: Keys) -> Iterator[Services]:
    """Fake services; a test fails if a call or a response violates the internal contracts."""
    fakes = Services(keys.identity("auth"))
    yield fakes
    if fakes.violations:
        pytest.fail("\n".join(fakes.violations))


@pytest.fixture(scope="session")
def usual(keys: Keys) -> FastAPI:
    """A gateway with default settings, shared because its routes are slow to build."""
    return create_app(settings_of(keys))


def settings_of(keys: Keys, **settings: Any) -> Settings:
    values: dict[str, Any] = {
        "signing_key": keys.private["gateway"],
        "jwks_file": keys.jwks_file,
        "auth_url": "http://auth",
        "files_url": "http://files",
        "checker_url": "http://checker",
        "reports_url": "http://reports",
    }
    return Settings(**values, **settings)


@pytest.fixture
def limits() -> GatewayLimits:
    """The limits of the gateway; tests override them."""
    return GatewayLimits()


@pytest.fixture
def network(services: Services) -> Network:
    return Network(services.transport())


@pytest.fixture
def browsers(keys: Keys, network: Network, usual: FastAPI, limits: GatewayLimits) -> Browsers:
    """Opens a client that accepts HTML, on a gateway with the given settings."""
    has_usual_middleware = replace(limits, retry=RETRY, renewal=RENEWAL) == GatewayLimits()

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
        app = create_app(settings_of(keys, **settings), network, limits)
        if not settings and has_usual_middleware:  # with objects that no other test has used
            usual.state.provided = app.state.provided
            usual.state.stopping = app.state.stopping
            app = usual
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        base = settings.get("public_url", "http://localhost:8000")
        headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}
        async with httpx2.AsyncClient(transport=transport, base_url=base, headers=headers) as http:
            yield http

    return opened


@pytest_asyncio.fixture
async def browser(browsers: Browsers) -> AsyncIterator[httpx2.AsyncClient]:
    async with browsers() as http:
        yield http


@pytest_asyncio.fixture
async def person(browser: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A browser whose user has logged in."""
    answer = await browser.post("/login", data={"email": "ann@example.org", "password": "secret"})
    assert answer.status_code == 303
    return browser


@pytest_asyncio.fixture
async def program(browsers: Browsers, services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the public API with an access token."""
    async with browsers() as http:
        http.headers["Accept"] = "application/json"
        http.headers["Authorization"] = f"Bearer {services.access_token()}"
        yield http
