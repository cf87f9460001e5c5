"""Middleware for slow request bodies and for cookies."""

import asyncio

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.errors import RequestTimeout
from shared.web.problems import problem, request_id

CHUNK_SECONDS = 10.0  # until the next chunk of a body
BODY_SECONDS = 90.0  # until its end: a megabyte at 100 kbit/s


class SlowBodies:
    """Refuses (408) a body that arrives too slowly, and closes the connection."""

    def __init__(
        self,
        app: ASGIApp,
        chunk_seconds: float = CHUNK_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app, self._chunk_seconds, self._body_seconds = app, chunk_seconds, body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ends_at = asyncio.get_running_loop().time() + self._body_seconds
        expecting, too_slow = True, False

        async def read() -> Message:
            nonlocal expecting, too_slow
            if not expecting:
                return await receive()
            left = ends_at - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(min(self._chunk_seconds, left)):
                    message = await receive()
            except TimeoutError:
                too_slow = True
                # FastAPI passes no other kind of error on while it reads a JSON body.
                raise HTTPException(RequestTimeout.status) from None
            expecting = message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if too_slow and message["type"] == "http.response.start":
                closing = (b"connection", b"close")  # the rest of the body is not read
                message = {**message, "headers": [*message["headers"], closing]}
            await send(message)

        await self._app(scope, read, answer)


async def too_slow(request: Request, _: Exception) -> Response:
    """The response to a body that arrived too slowly."""
    error = RequestTimeout()
    return problem(error.status, error.code, str(error), request_id=request_id(request))


class SetCookies:
    """Sends the cookies stored in `request.state.cookies`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookies = scope.get("state", {}).get("cookies", {})
                added = [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies.values()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, answer)
