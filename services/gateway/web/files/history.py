"""The page of a file: state, versions, checks; and restoring a deleted file."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from services.gateway.clients import FilesClient
from services.gateway.clients.optional import if_possible
from services.gateway.dependencies import Checker, Files, Reports
from services.gateway.identity.sessions import WebUser
from services.gateway.web.checks.schedule import seconds_to_next_run
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import redirect_get_to, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(include_in_schema=False)
redirect_get_to(router, "/files/{file_id}/restore", "/files/{file_id}")
VERSIONS = 20  # per page
CHECKS = 20


@router.get("/files/{file_id}")
async def file(
    request: Request,
    user: WebUser,
    pages: Pages,
    reports: Reports,
    files: Files,
    checker: Checker,
    file_id: UUID,
    after: UUID | None = None,
    before: VersionNumber | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    notice: str = "",
) -> Response:
    shown = await _page(reports, files, user, file_id, after, before, cursor)
    wait = await seconds_to_next_run(checker, user)
    return pages.render(request, "file.html", wait=wait, notice=FLASH_MESSAGES.get(notice), **shown)


@router.post("/files/{file_id}/restore")
async def restore(
    request: Request, user: WebUser, pages: Pages, reports: Reports, files: Files, file_id: UUID
) -> Response:
    try:
        saved = await files.restore(user, file_id)
    except Unauthenticated:
        raise
    except DomainError as error:
        shown = await _page(reports, files, user, file_id)
        error_values: dict[str, Any] = {
            "error": pages.explain(request, error),
            "taken": error.params.get("file_id"),
        }
        return pages.render(
            request, "file.html", error.status, wait=None, notice=None, **shown, **error_values
        )
    return see_other(f"/files/{file_id}", after=saved.event_id, notice="restored")


async def _page(
    reports: Reports,
    files: FilesClient,
    user: User,
    file_id: UUID,
    after: UUID | None = None,
    before: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    found, log, versions = await asyncio.gather(
        reports.file(user, file_id, after),
        reports.file_checks(user, file_id, cursor, CHECKS),
        if_possible(files.versions(user, file_id, before, VERSIONS)),
    )
    newest = {check.version: check for check in reversed(log.checks)}
    return {
        "file": found,
        "log": log,
        "cursor": cursor,
        "before": before,
        "versions": versions,
        "check_of": newest,
    }
