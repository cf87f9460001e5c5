"""The event stream."""

from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from services.gateway.api.problems import problems
from services.gateway.dependencies import Reports, Sessions
from services.gateway.http.concurrency import API_FEED
from services.gateway.http.sse import event_stream
from services.gateway.identity.sessions import ApiUser
from shared.web.routes import Router

router = Router(prefix="/api/v1", tags=["Events"])
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/events",
    response_class=StreamingResponse,
    dependencies=API_FEED,
    responses=_STREAM | problems(401, 403, 429, 503),
)
async def events(
    request: Request, user: ApiUser, reports: Reports, sessions: Sessions
) -> StreamingResponse:
    """A stream of server-sent events `file`, `check` and `mail`; resume with `Last-Event-ID`."""
    return await event_stream(request, user, reports, sessions)
