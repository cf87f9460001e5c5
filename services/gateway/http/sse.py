"""Forwards the event stream of reports (server-sent events)."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
from fastapi import Request
from fastapi.responses import StreamingResponse

from services.gateway.clients import ReportsClient
from services.gateway.identity.sessions import Sessions
from shared.web.identity import User

HEARTBEAT = 15.0  # seconds; proxies close idle connections
_EVENT_ID = re.compile("[0-9]{1,18}")


async def event_stream(
    request: Request, user: User, reports: ReportsClient, sessions: Sessions
) -> StreamingResponse:
    """The events after `Last-Event-ID`, until the session ends."""
    given = request.headers.get("last-event-id", "")
    answer = await reports.feed(user, given if _EVENT_ID.fullmatch(given) else "")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    messages = _messages(answer, user, sessions, request.app.state.stopping)
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)


async def _messages(
    answer: httpx2.Response, user: User, sessions: Sessions, stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    """The stream of reports, until it ends, the session ends or this process stops."""
    chunks = answer.aiter_bytes()
    end = asyncio.ensure_future(stopping.wait())
    next_one = asyncio.ensure_future(anext(chunks, None))
    try:
        yield b": welcome\n\n"
        while not end.done() and await sessions.active.is_active(user.session_id):
            await asyncio.wait(
                [next_one, end], timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED
            )
            if not next_one.done():
                yield b": still here\n\n"
                continue
            if (chunk := next_one.result()) is None:
                return
            yield chunk
            next_one = asyncio.ensure_future(anext(chunks, None))
    except httpx2.HTTPError:
        return  # reports is unavailable: the browser reconnects
    finally:
        for waiting in (next_one, end):
            waiting.cancel()
        await asyncio.gather(next_one, end, return_exceptions=True)
        await answer.aclose()
