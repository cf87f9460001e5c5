"""Puts the gateway together."""

import httpx2
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.gateway import assets
from services.gateway.api import ROUTERS as API
from services.gateway.api.docs import describe
from services.gateway.callers import Callers
from services.gateway.calls import LIMITS, TIMEOUT
from services.gateway.clients import Auth, Checker, Files, Reports
from services.gateway.colouring import Colouring
from services.gateway.cookies import Cookies
from services.gateway.edge import Guard, SetCookies, SlowBodies, too_slow
from services.gateway.error_pages import ErrorPages
from services.gateway.error_sentences import ErrorSentences
from services.gateway.errors import RequestTooSlow
from services.gateway.headers import default_headers
from services.gateway.pages import Pages
from services.gateway.screens import ROUTERS as SCREENS
from services.gateway.sessions import Sessions
from services.gateway.settings import Settings
from services.gateway.turns import Archives, Feeds
from shared.web.app import create_app as create_web_app
from shared.web.identity import Identity


def create_app(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """Build the application; `transport` stands in for the network."""
    identity = Identity.of("gateway", settings)
    client = httpx2.AsyncClient(
        transport=transport, timeout=TIMEOUT, limits=LIMITS, trust_env=False
    )
    auth = Auth("auth", settings.auth_url, client, identity)
    cookies = Cookies(settings.is_secure, settings.session_seconds)
    callers = Callers(settings, cookies)
    pages = Pages(settings, cookies)
    app = create_web_app(
        "gateway",
        settings,
        [assets.router, *API, *SCREENS],
        provide=[
            auth,
            Files("files", settings.files_url, client, identity),
            Checker("checker", settings.checker_url, client, identity),
            Reports("reports", settings.reports_url, client, identity),
            cookies,
            pages,
            callers,
            Sessions(auth, identity, cookies, callers),
            Archives(),
            Colouring(),
            Feeds(),
        ],
        resources=[_Closing(client)],
        headers=default_headers(settings),
        guards=[Middleware(Guard, settings=settings)],
        openapi_url="/api/openapi.json",
    )
    app.user_middleware += [Middleware(SetCookies), Middleware(SlowBodies)]  # the innermost
    app.add_middleware(ErrorSentences)
    app.add_middleware(ErrorPages, pages=pages)  # the outermost
    app.exception_handler(RequestTooSlow.status)(too_slow)
    describe(app)
    return app


class _Closing:
    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def close(self) -> None:
        await self._client.aclose()
