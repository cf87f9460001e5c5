"""The gateway's application."""

from dataclasses import dataclass

import httpx2
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.gateway.api import ROUTERS as API
from services.gateway.api.description import describe
from services.gateway.clients import AuthClient, CheckerClient, FilesClient, ReportsClient
from services.gateway.clients.checker import SCHEDULE_TTL
from services.gateway.errors import RequestTimeout
from services.gateway.http.concurrency import MAX_EVENT_STREAMS, ArchiveLimit, FeedLimit
from services.gateway.http.guards import Guard
from services.gateway.http.localized_problems import LocalizedProblems
from services.gateway.http.middleware import (
    BODY_SECONDS,
    CHUNK_SECONDS,
    SetCookies,
    SlowBodies,
    too_slow,
)
from services.gateway.http.security_headers import default_headers
from services.gateway.identity.client_info import ClientInfoReader
from services.gateway.identity.cookies import Cookies
from services.gateway.identity.renewing_user import RENEWAL, Renewal
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
from shared.web.retries import RETRY, RetryPolicy


@dataclass(frozen=True)
class GatewayLimits:
    """Limits that no deployment changes, but tests do."""

    chunk_seconds: float = CHUNK_SECONDS
    body_seconds: float = BODY_SECONDS
    event_streams: int = MAX_EVENT_STREAMS
    schedule_ttl: float = SCHEDULE_TTL
    renewal: Renewal = RENEWAL
    retry: RetryPolicy = RETRY


def create_app(
    settings: Settings,
    transport: httpx2.AsyncBaseTransport | None = None,
    limits: GatewayLimits = GatewayLimits(),
) -> FastAPI:
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
            FilesClient("files", settings.files_url, identity, http, limits.retry),
            CheckerClient(settings.checker_url, identity, http, limits.schedule_ttl),
            ReportsClient(settings.reports_url, identity, http),
            cookies,
            pages,
            client_infos,
            Sessions(auth, identity, cookies, client_infos, limits.renewal),
            ArchiveLimit(),
            SourceHighlighter(),
            FeedLimit(limits.event_streams),
        ],
        resources=[auth],
        headers=default_headers(settings),
        guards=[Middleware(Guard, settings=settings)],
        openapi_url="/api/openapi.json",
    )
    slow_bodies = Middleware(SlowBodies, limits.chunk_seconds, limits.body_seconds)
    app.user_middleware += [Middleware(SetCookies), slow_bodies]  # the innermost
    app.add_middleware(LocalizedProblems)
    app.add_middleware(ErrorPages, pages=pages)  # the outermost
    app.exception_handler(RequestTimeout.status)(too_slow)
    describe(app)
    return app
