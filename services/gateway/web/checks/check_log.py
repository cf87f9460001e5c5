"""The log of all checks, including those of deleted files."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.gateway.dependencies import Reports, Settings
from services.gateway.identity.sessions import WebUser
from services.gateway.web.rendering import Pages
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/checks")
async def checks(
    request: Request,
    user: WebUser,
    pages: Pages,
    reports: Reports,
    settings: Settings,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    page = await reports.checks(user, cursor, settings.page_size)
    return pages.render(request, "checks.html", page=page, cursor=cursor)
