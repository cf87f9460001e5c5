"""The home page: the list of files, and the upload form."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.gateway.clients import FilesClient
from services.gateway.dependencies import Checker, Files, Reports, Settings
from services.gateway.errors import (
    FileMissing,
    FileNameMissing,
    FileNameRepeated,
    TooManyFilesAtOnce,
)
from services.gateway.http.pagination import MAX_CURSOR
from services.gateway.identity.sessions import WebUser
from services.gateway.uploads import forms
from services.gateway.web.files.list_screen import Filters, ListScreen, Result
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import see_other
from services.gateway.web.rendering import Pages
from shared.contracts.files import Mark
from shared.contracts.http.reports import Sort
from shared.errors import DomainError, OutcomeUnknown, Unauthenticated
from shared.file_names import normalized
from shared.web.identity import User
from shared.web.routes import Router

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class UploadOutcome:
    """The outcome of one uploaded file; `replaces` if it was sent to replace a file."""

    name: str
    replaces: bool = True
    error: DomainError | None = None
    event_id: UUID | None = None
    unchanged: bool = False


async def _screen(
    pages: Pages, reports: Reports, files: Files, checker: Checker, settings: Settings
) -> ListScreen:
    return ListScreen(pages, reports, files, checker, settings)


async def _filters(
    q: Annotated[str, Query(max_length=100, pattern="^[^\\x00]*$")] = "",
    mark: Mark | Literal[""] = "",
    result: Result | Literal[""] = "",
    sort: Sort | Literal[""] = "",
    cursor: Annotated[str, Query(max_length=MAX_CURSOR)] = "",
) -> Filters:
    return Filters(q, mark, result, sort, cursor)


Screen = Annotated[ListScreen, Depends(_screen)]


@router.get("/")
async def files(
    request: Request,
    user: WebUser,
    screen: Screen,
    filters: Annotated[Filters, Depends(_filters)],
    after: UUID | None = None,
    notice: str = "",
    added: Annotated[int, Query(ge=0, le=1000)] = 0,
    same: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Response:
    flash = FLASH_MESSAGES.get(notice)
    return await screen.show(request, user, filters, after, notice=flash, added=added, same=same)


@router.post("/", max_body_size=forms.MAX_BODY)
async def upload(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    screen: Screen,
    settings: Settings,
) -> Response:
    """Upload every file, and list those that were refused, by name."""
    outcomes = await _upload_all(request, user, files, settings)
    last = next((one.event_id for one in reversed(outcomes) if one.event_id), None)
    refused = [one.error for one in outcomes if one.error]
    if not refused:
        same = sum(one.unchanged for one in outcomes)
        return see_other("/", after=last, added=len(outcomes) - same, same=same)
    rows = [
        {
            "name": one.name,
            "unchanged": one.unchanged,
            "unknown": isinstance(one.error, OutcomeUnknown),
            "sentence": pages.explain(request, one.error) if one.error else None,
            "taken": one.error.params.get("file_id") if one.error else None,
        }
        for one in outcomes
    ]
    status = max(error.status for error in refused)
    box = {"replaces": outcomes[0].replaces}  # as submitted
    shown = await screen.show(request, user, Filters(), last, status, outcomes=rows, **box)
    if wait := max(error.retry_after or 0 for error in refused):
        shown.headers["Retry-After"] = str(wait)
    return shown


async def _upload_all(
    request: Request, user: User, files: FilesClient, settings: Settings
) -> list[UploadOutcome]:
    """Stream one file after the other to files."""
    outcomes: list[UploadOutcome] = []
    try:
        async for sent in forms.each_file(request, settings.max_file_bytes, settings.upload_files):
            earlier = {normalized(one.name) for one in outcomes}
            outcomes.append(await _upload(user, files, sent, settings, earlier))
        if not outcomes:
            raise FileMissing
    except Unauthenticated:
        raise
    except DomainError as error:
        if not (outcomes and outcomes[-1].error is error):
            outcomes.append(UploadOutcome("", error=error))
    return outcomes


async def _upload(
    user: User, files: FilesClient, sent: forms.Upload, settings: Settings, earlier: set[str]
) -> UploadOutcome:
    """Upload a file, unless its name is one of the `earlier` ones of this form."""
    try:
        if sent.too_many:
            raise TooManyFilesAtOnce(limit=settings.upload_files)
        if not sent.name:
            raise FileNameMissing
        if normalized(sent.name) in earlier:
            raise FileNameRepeated
        saved = await files.upload(user, sent.name, sent.content, replace=sent.replaces)
    except Unauthenticated:
        raise
    except DomainError as error:
        return UploadOutcome(sent.name, sent.replaces, error)
    return UploadOutcome(sent.name, sent.replaces, None, saved.event_id, saved.unchanged)
