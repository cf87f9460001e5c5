"""Turns problems into pages for people: a browser asks for HTML, and reads no JSON."""

import json
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.pages import Pages
from shared.web.problems import MEDIA_TYPE

_OF_THE_PROBLEM = ("content-type", "content-length", "www-authenticate")


class ErrorPages:
    """Replaces problem answers outside `/api`, where the client prefers HTML."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_people(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, answer)
        if start is not None:
            page = self._page(Request(scope), json.loads(bytes(body)))
            _keep_headers(start, page)
            await page(scope, receive, send)

    def _page(self, request: Request, problem: dict[str, Any]) -> Response:
        status, code = int(problem["status"]), str(problem["code"])
        if status == 401:  # noqa: PLR2004
            wanted = _wanted(request)
            return RedirectResponse(f"/login?next={quote(wanted)}" if wanted else "/login", 303)
        if code == "invalid" and request.method == "GET":
            status, code = 404, "not_found"  # an address that can't exist
        sentence = self._pages.sentence(request, code, problem.get("params") or {})
        return self._pages.render(
            request,
            "error.html",
            status,
            sentence=sentence,
            request_id=problem["request_id"],
        )


def _is_for_people(scope: Scope) -> bool:
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith("/api/v1")


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)


def _keep_headers(start: Message, page: Response) -> None:
    kept = MutableHeaders(raw=list(start["headers"]))
    for name in _OF_THE_PROBLEM:
        del kept[name]
    page.raw_headers.extend(kept.raw)


def _wanted(request: Request) -> str:
    """The page to show after the login; the list needs no mention."""
    if request.method != "GET" or request.url.path == "/":
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query
