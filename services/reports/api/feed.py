"""The feed, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.reports.api.dependencies import READ_YOUR_WRITES, CheckReader, Listener
from services.reports.feed.reader import FeedReader
from services.reports.feed.stream import stream
from shared.web.app import provided
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=READ_YOUR_WRITES)


@router.get("/feed", response_class=EventSourceResponse)
async def feed(
    request: Request,
    user: CheckReader,
    listener: Listener,
    reader: Annotated[FeedReader, provided(FeedReader)],
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> AsyncIterator[ServerSentEvent]:
    stopping = request.app.state.stopping
    async for message in stream(listener, reader, user.user_id, last_event_id, stopping):
        yield message
