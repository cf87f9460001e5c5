"""The event stream for live updates of pages."""

from fastapi import Request
from fastapi.responses import StreamingResponse

from services.gateway.dependencies import Reports, Sessions
from services.gateway.http.concurrency import WEB_FEED
from services.gateway.http.sse import event_stream
from services.gateway.identity.sessions import WebUser
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/events", dependencies=WEB_FEED)
async def events(
    request: Request, user: WebUser, reports: Reports, sessions: Sessions
) -> StreamingResponse:
    return await event_stream(request, user, reports, sessions)
