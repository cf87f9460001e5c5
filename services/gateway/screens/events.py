"""The stream that keeps pages up to date."""

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from services.gateway.feed import follow
from services.gateway.provision import Reports, Sessions
from services.gateway.sessions import WebUser

router = APIRouter(include_in_schema=False)


@router.get("/events")
async def events(
    request: Request, user: WebUser, reports: Reports, sessions: Sessions
) -> StreamingResponse:
    return await follow(request, user, reports, sessions)
