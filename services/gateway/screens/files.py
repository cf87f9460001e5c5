"""The home page: one's files, and the form that adds some."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.gateway import uploads
from services.gateway.clients import Files as FilesClient
from services.gateway.errors import FileMissing, FileNameMissing, FileTooLarge
from services.gateway.models import FilePage
from services.gateway.provision import Checker, Files, Pages, Reports, Settings
from services.gateway.screens.forms import NOTICES, go
from services.gateway.screens.schedule import seconds_to_next_run
from services.gateway.sessions import WebUser
from shared.errors import DomainError, Unauthenticated, Unavailable
from shared.web.identity import User

router = APIRouter(include_in_schema=False)
MAX_FORM = 256 * 1024 * 1024  # bytes read at most; what is kept is far less


@dataclass(frozen=True)
class Outcome:
    """What became of one file of the form."""

    name: str
    error: DomainError | None = None
    event_id: UUID | None = None


@router.get("/")
async def files(
    request: Request,
    user: WebUser,
    pages: Pages,
    reports: Reports,
    checker: Checker,
    settings: Settings,
    after: UUID | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    notice: str = "",
    added: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Response:
    page, wait = await asyncio.gather(
        _page(reports.files(user, after, cursor, settings.page_size)),
        seconds_to_next_run(checker, user),
    )
    return _show(request, pages, page, wait, notice=NOTICES.get(notice), added=added, cursor=cursor)


@router.post("/", max_body_size=MAX_FORM)
async def upload(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    reports: Reports,
    checker: Checker,
    settings: Settings,
) -> Response:
    """Take every file that can be taken, and tell of each other one by its name."""
    outcomes = await _upload_all(request, user, files, settings)
    last = next((one.event_id for one in reversed(outcomes) if one.event_id), None)
    refused = [one for one in outcomes if one.error]
    if not refused:
        return go("/", after=last, added=len(outcomes))
    page, wait = await asyncio.gather(
        _page(reports.files(user, last, None, settings.page_size)),
        seconds_to_next_run(checker, user),
    )
    told = [
        {
            "name": one.name,
            "sentence": pages.explain(request, one.error) if one.error else None,
            "taken": one.error.params.get("file_id") if one.error else None,
        }
        for one in outcomes
    ]
    status = max(one.error.status for one in refused if one.error)
    return _show(request, pages, page, wait, status=status, outcomes=told)


async def _upload_all(
    request: Request, user: User, files: FilesClient, settings: Settings
) -> list[Outcome]:
    try:
        parts = await uploads.read_parts(request, settings.max_file_bytes, settings.upload_files)
        chosen = [part for part in parts if part.filename or part.content]
        if not chosen:
            raise FileMissing
    except DomainError as error:
        return [Outcome("", error)]
    return [await _upload(user, files, part, settings.max_file_bytes) for part in chosen]


async def _upload(user: User, files: FilesClient, part: uploads.Part, limit: int) -> Outcome:
    name = part.filename or ""
    try:
        if part.too_large:
            raise FileTooLarge(limit=limit)
        if not name:
            raise FileNameMissing
        saved = await files.upload(user, name, bytes(part.content))
    except Unauthenticated:
        raise
    except DomainError as error:
        return Outcome(name, error)
    return Outcome(name, None, saved.event_id)


async def _page(asked: Any) -> FilePage | None:
    """The list; None while reports is away, for uploading goes on without it."""
    try:
        page: FilePage = await asked
    except Unavailable:
        return None
    return page


def _show(
    request: Request,
    pages: Pages,
    page: FilePage | None,
    wait: float | None,
    status: int = 200,
    **more: Any,
) -> Response:
    values = {"notice": None, "added": 0, "outcomes": [], "cursor": None} | more
    shown = status if page or status != 200 else Unavailable.status  # noqa: PLR2004
    return pages.render(request, "files.html", shown, page=page, wait=wait, **values)
