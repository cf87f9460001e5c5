"""The stream that keeps pages up to date."""

from fastapi import Request
from fastapi.responses import StreamingResponse

from services.gateway.feed import follow
from services.gateway.provision import Reports, Sessions
from services.gateway.sessions import WebUser
from services.gateway.turns import WEB_FEED
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/events", dependencies=WEB_FEED)
async def events(
    request: Request, user: WebUser, reports: Reports, sessions: Sessions
) -> StreamingResponse:
    return await follow(request, user, reports, sessions)
