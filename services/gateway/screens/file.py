"""A file with the log of its checks."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.gateway.models import File
from services.gateway.provision import Checker, Pages, Reports
from services.gateway.screens.forms import NOTICES
from services.gateway.screens.schedule import seconds_to_next_run
from services.gateway.sessions import WebUser
from shared.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}")
async def file(
    request: Request,
    user: WebUser,
    pages: Pages,
    reports: Reports,
    checker: Checker,
    file_id: UUID,
    after: UUID | None = None,
    notice: str = "",
) -> Response:
    found, log, wait = await asyncio.gather(
        _alive(reports.file(user, file_id, after)),
        reports.file_checks(user, file_id),
        seconds_to_next_run(checker, user),
    )
    if found is None and not log.checks:
        raise NotFound
    return pages.render(
        request,
        "file.html",
        file=found,
        name=found.name if found else log.checks[0].file_name,
        checks=log.checks,
        wait=wait,
        notice=NOTICES.get(notice),
    )


async def _alive(asked: Awaitable[File]) -> File | None:
    """The file; None for one that is deleted, whose log stays."""
    try:
        return await asked
    except NotFound:
        return None
