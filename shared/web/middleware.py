"""Middleware of all services, as pure ASGI, which does not buffer streams."""

import re
import time
from collections.abc import Iterable, Mapping
from uuid import UUID

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.context import correlation_id
from shared.error_messages import SENTENCES
from shared.ids import new_id
from shared.logging import log
from shared.web.metrics import Metrics
from shared.web.problems import problem, route_of, unexpected

MAX_HEADER_BYTES = 32 * 1024
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RequestContext:
    """Gives each request an id, which is also the correlation id; logs and counts responses."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, trust_id: bool) -> None:
        """With `trust_id` the caller's `X-Request-ID` is used: for calls between services."""
        self._app, self._metrics, self._trust_id = app, metrics, trust_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "") if self._trust_id else ""
        request_id = UUID(given) if _UUID.fullmatch(given) else new_id()
        correlation_id.set(request_id)
        scope.setdefault("state", {})["request_id"] = str(request_id)
        started, status = time.monotonic(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = str(request_id)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._note(scope, status, time.monotonic() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).observe(seconds)
        if route not in {"/healthz", "/readyz", "/metrics"}:
            log.info(
                "request",
                method=method,
                route=route,
                status=status,
                duration_ms=round(1000 * seconds),
            )


class DefaultHeaders:
    """Adds default headers to each response."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)


class CatchAll:
    """Answers uncaught exceptions with 500, inside the middleware that adds headers and counts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            log.info("client_left", route=route_of(scope))
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            log.error("unexpected_error", route=route_of(scope), exc_info=error)
            await unexpected(scope["state"]["request_id"])(scope, receive, send)


class RequestSizeLimits:
    """Refuses oversized headers (431), and replaces Starlette's plain 413 by a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope.get("state", {}).get("request_id", "")
        if _size(scope["headers"]) > MAX_HEADER_BYTES:
            refusal = problem(
                431, "headers_too_large", SENTENCES["headers_too_large"], request_id=request_id
            )
            await refusal(scope, receive, send)
            return
        replaced = False

        async def answer(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_plain_413(message):
                replaced = True
                refusal = problem(
                    413, "too_large", "The request is larger than allowed.", request_id=request_id
                )
                await refusal(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, answer)


def _size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def _is_plain_413(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] == 413 and kind.startswith("text/plain")  # noqa: PLR2004
