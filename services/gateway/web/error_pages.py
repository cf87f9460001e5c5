"""Shows problem responses to browsers as HTML pages."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.http.problem_interceptor import ProblemInterceptor
from services.gateway.i18n.error_messages import sentence
from services.gateway.identity.sessions import Sessions
from services.gateway.web.rendering import PageRenderer

_OF_THE_PROBLEM = ("content-type", "content-length", "content-language", "www-authenticate")
_BODY_UNREAD = {401, 413}
_DRAIN_SECONDS = 20.0  # the rest of a refused form may take this long
_MAX_DRAINED = 64 * 1024 * 1024  # bytes of it; reading takes about 1 ms per MiB


class ErrorPages:
    """Replaces problem responses outside `/api/v1` if the client accepts HTML."""

    def __init__(self, app: ASGIApp, pages: PageRenderer) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_people(scope):
            await self._app(scope, receive, send)
            return
        form, interceptor = _Form(receive), ProblemInterceptor(send)
        await self._app(scope, form.receive, interceptor.send)
        if interceptor.start is not None:
            page = self._page(Request(scope), interceptor.problem)
            _copy_headers(interceptor.start, page)
            if page.status_code in _BODY_UNREAD:
                await form.drain()
            await page(scope, receive, send)

    def _page(self, request: Request, problem: dict[str, Any]) -> Response:
        status, code = int(problem["status"]), str(problem["code"])
        if status == 401:  # noqa: PLR2004
            return self._to_the_login(request)
        if any(error["in"] == "path" for error in problem.get("errors", [])):
            status, code = 404, "not_found"  # a URL that can't exist
        if not hasattr(request.state, "user"):  # refused before authentication
            sessions: Sessions = request.app.state.provided[Sessions]
            request.state.user = sessions.by_signature(request)
        text = sentence(self._pages.language(request), code, problem.get("params") or {})
        return self._pages.render(
            request,
            "error.html",
            status,
            sentence=text,
            request_id=problem["request_id"],
        )

    def _to_the_login(self, request: Request) -> Response:
        """Redirect to the login; after a POST say on a page that the form was not processed."""
        path = _return_path(request)
        login = f"/login?next={quote(path)}" if path else "/login"
        if request.method == "POST":
            return self._pages.render(request, "logged_out.html", 401, login=login)
        return RedirectResponse(login, 303)


class _Form:
    """The body of a request, which the application may not have read completely."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = _MAX_DRAINED
        self._expecting = True

    async def receive(self) -> Message:
        message = await self._receive()
        self._expecting = message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        return message

    async def drain(self) -> None:
        """Read and discard the rest: a browser that can't send everything shows no page."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._expecting and self._left > 0:
                    await self.receive()


def _is_for_people(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith("/api/v1")


def _copy_headers(start: Message, page: Response) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    for name in _OF_THE_PROBLEM:
        del headers[name]
    page.raw_headers.extend(headers.raw)


def _return_path(request: Request) -> str:
    """The path to return to after the login: of the page, or that of a form; empty for `/`."""
    if request.method == "GET":
        url = request.url
        return _address(url.path, url.query)
    page = _split(request.headers.get("referer", ""))
    return _address(page.path, page.query) if page.netloc == request.headers.get("host") else ""


def _split(address: str) -> SplitResult:
    """The parts of a URL; empty if it is malformed."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _address(path: str, query: str) -> str:
    if path in {"", "/"}:
        return ""
    return f"{path}?{query}" if query else path
