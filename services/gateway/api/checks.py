"""Checks and their schedule."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.gateway.api import schemas
from services.gateway.api.caching import SAME, IfNoneMatch, tagged
from services.gateway.api.problems import problems
from services.gateway.dependencies import Checker, Reports
from services.gateway.http.pagination import Limit
from services.gateway.identity.sessions import ApiUser
from shared.web.routes import Router

router = Router(prefix="/api/v1", tags=["Checks"])


@router.get(
    "/checks",
    response_model=schemas.CheckPage,
    responses=SAME | problems(401, 403, 422, 503),
)
async def checks(
    request: Request,
    user: ApiUser,
    reports: Reports,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    file_id: UUID | None = None,
    _: IfNoneMatch = None,
) -> Response:
    """All checks, newest first, including those of deleted files; or those of `file_id`."""
    page = await reports.checks(user, cursor, limit, file_id)
    return tagged(request, schemas.CheckPage.model_validate(page))


@router.get("/checks/{check_id:uuid}", responses=problems(401, 403, 404, 422, 503))
async def check(user: ApiUser, reports: Reports, check_id: UUID) -> schemas.Report:
    """The report of one check."""
    return await reports.check(user, check_id)


@router.get("/schedule", responses=problems(401, 403, 503))
async def schedule(user: ApiUser, checker: Checker) -> schemas.Schedule:
    """How often files are checked, and when the next run begins."""
    return await checker.schedule(user)
