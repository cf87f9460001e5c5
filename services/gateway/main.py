"""The gateway's application."""

import httpx2
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.gateway.api import ROUTERS as API
from services.gateway.api.description import describe
from services.gateway.clients import AuthClient, CheckerClient, FilesClient, ReportsClient
from services.gateway.errors import RequestTimeout
from services.gateway.http.concurrency import ArchiveLimit, FeedLimit
from services.gateway.http.guards import Guard
from services.gateway.http.localized_problems import LocalizedProblems
from services.gateway.http.middleware import SetCookies, SlowBodies, too_slow
from services.gateway.http.security_headers import default_headers
from services.gateway.identity.client_info import ClientInfoReader
from services.gateway.identity.cookies import Cookies
from services.gateway.identity.sessions import Sessions
from services.gateway.settings import Settings
from services.gateway.source_view.highlighting import SourceHighlighter
from services.gateway.web import ROUTERS as SCREENS
from services.gateway.web import static_files
from services.gateway.web.error_pages import ErrorPages
from services.gateway.web.rendering import PageRenderer
from shared.web.app import create_app as create_web_app
from shared.web.client import http_client
from shared.web.identity import Identity


def create_app(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """Build the application; `transport` replaces the network in tests."""
    identity = Identity.of("gateway", settings)
    http = http_client(transport)
    auth = AuthClient("auth", settings.auth_url, identity, http)
    cookies = Cookies(settings.is_secure, settings.session_seconds)
    client_infos = ClientInfoReader(settings, cookies)
    pages = PageRenderer(settings, cookies)
    app = create_web_app(
        "gateway",
        settings,
        [static_files.router, *API, *SCREENS],
        provide=[
            auth,
            FilesClient("files", settings.files_url, identity, http),
            CheckerClient(settings.checker_url, identity, http),
            ReportsClient(settings.reports_url, identity, http),
            cookies,
            pages,
            client_infos,
            Sessions(auth, identity, cookies, client_infos),
            ArchiveLimit(),
            SourceHighlighter(),
            FeedLimit(),
        ],
        resources=[auth],
        headers=default_headers(settings),
        guards=[Middleware(Guard, settings=settings)],
        openapi_url="/api/openapi.json",
    )
    app.user_middleware += [Middleware(SetCookies), Middleware(SlowBodies)]  # the innermost
    app.add_middleware(LocalizedProblems)
    app.add_middleware(ErrorPages, pages=pages)  # the outermost
    app.exception_handler(RequestTimeout.status)(too_slow)
    describe(app)
    return app
