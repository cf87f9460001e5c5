"""Checks of the host and origin of every request, before routing."""

import hmac
import re

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.errors import CrossSiteRequest, HostUnknown
from services.gateway.settings import Settings
from shared.errors import DomainError, NotFound
from shared.web.problems import refusal

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_PROBES = {"/healthz", "/readyz", "/metrics"}
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Guard:
    """Refuses a request by its headers, before its body is read."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                check(request, self._settings)
            except DomainError as error:
                await refusal(request, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check(request: Request, settings: Settings) -> None:
    """Refuse unknown hosts and cross-site requests."""
    path = request.scope["path"]
    if path == "/metrics" and not _may_read_metrics(request, settings):
        raise NotFound
    if path not in _PROBES:
        check_host(request, settings)
    if request.method not in _SAFE:
        refuse_cross_site(request, settings)


def check_host(request: Request, settings: Settings) -> None:
    """Allow the host of the public URL and loopback names."""
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or _hostname(hosts[0]) not in {settings.public_host, *_LOOPBACK}:
        raise HostUnknown


def refuse_cross_site(request: Request, settings: Settings) -> None:
    """Check `Sec-Fetch-Site` and `Origin`; a client that sends neither is not a browser.

    Pages with a secret in their URL have no referrer and send `Origin: null`, which is allowed
    only with `Sec-Fetch-Site: same-origin`.
    """
    sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
    if len(origins) > 1 or not {*sites} <= {"same-origin", "none"}:
        raise CrossSiteRequest
    scheme = "https" if settings.is_secure else "http"
    own = {settings.public_origin, f"{scheme}://{request.headers.get('host')}"}
    if sites == ["same-origin"]:
        own.add("null")
    if not {*origins} <= own:
        raise CrossSiteRequest


def _hostname(host: str) -> str:
    """The host without its port, in lower case; empty if malformed."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def _may_read_metrics(request: Request, settings: Settings) -> bool:
    token = settings.metrics_token.get_secret_value()
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())
