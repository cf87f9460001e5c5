"""Reading files: the list, one file, its content, an archive of all."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from services.gateway.api import schemas
from services.gateway.api.caching import (
    SAME,
    IfNoneMatch,
    conditional,
    rate_headers,
    tag_header,
    tagged,
    version_tag,
)
from services.gateway.api.problems import problems
from services.gateway.clients import FileFilters
from services.gateway.dependencies import Files, Reports, Sessions
from services.gateway.downloads.all_files import as_archive
from services.gateway.downloads.attachment import as_attachment
from services.gateway.downloads.zip_stream import MEDIA_TYPE
from services.gateway.http.concurrency import ApiSteps
from services.gateway.http.pagination import MAX_CURSOR, Limit
from services.gateway.identity.sessions import ApiUser
from shared.contracts.checker import Verdict
from shared.contracts.files import Mark
from shared.contracts.http.reports import CheckState, Sort
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(prefix="/api/v1", tags=["Files"])
_BINARY = {"type": "string", "format": "binary"}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": _BINARY}},
        "headers": tag_header("`v` and the version"),
    }
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"headers": tag_header("`v`, the version, `-`, and a hash of the response")}
}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": _BINARY}}}}
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR)]
Part = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        pattern="^[^\\x00]*$",
        description="a part of the name, case-insensitive",
    ),
]


@router.get(
    "/files",
    response_model=schemas.FilePage,
    responses=SAME | problems(401, 403, 422, 503),
)
async def files(
    request: Request,
    user: ApiUser,
    reports: Reports,
    mark: Mark | None = None,
    check: CheckState | None = None,
    verdict: Verdict | None = None,
    q: Part = None,
    sort: Sort = "-uploaded_at",
    limit: Limit = 50,
    cursor: Cursor = None,
    after: UUID | None = None,
    _: IfNoneMatch = None,
) -> Response:
    """The list of files. `mark=deleted` lists the deleted ones, which are left out otherwise.

    Check results, and the filter `verdict`, need the scope `checks:read`.

    With `after`, the id of an event, the response waits up to 1 s until the list includes that
    event. A `cursor` is only valid with the `sort` of the page it came from.
    """
    filters = FileFilters(mark, check, verdict, q, sort)
    page = await reports.files(user, after, cursor, limit, filters)
    return tagged(request, schemas.FilePage.model_validate(page))


@router.get(
    "/files/archive",
    response_class=Response,
    responses=_ZIP | problems(401, 403, 422, 429, 503),
)
async def archive(
    request: Request, steps: ApiSteps, files: Files, reports: Reports, sessions: Sessions
) -> Response:
    """Download all files as one zip, each in its newest version; one archive at a time."""
    return await as_archive(sessions.renewing_user(request), files, reports, steps)


@router.get("/limits", responses=problems(401, 403, 503))
async def limits(user: ApiUser, files: Files, response: Response) -> schemas.Limits:
    """Limits on files, bytes and uploads, and how much of them is used."""
    found = await files.limits(user)
    response.headers.update(rate_headers(found))
    return found


@router.get(
    "/files/{file_id:uuid}",
    response_model=schemas.File,
    responses=_FILE | SAME | problems(401, 403, 404, 422, 503),
)
async def file(
    request: Request,
    user: ApiUser,
    reports: Reports,
    file_id: UUID,
    after: UUID | None = None,
    _: IfNoneMatch = None,
) -> Response:
    """A file with its newest check result; deleted files are included."""
    found = await reports.file(user, file_id, after)
    return tagged(request, schemas.File.model_validate(found), found.version)


@router.get(
    "/files/{file_id:uuid}/content",
    response_class=Response,
    responses=_BYTES | SAME | problems(401, 403, 404, 410, 422, 503),
)
async def content(
    request: Request,
    user: ApiUser,
    files: Files,
    file_id: UUID,
    version: VersionNumber | None = None,
    _: IfNoneMatch = None,
) -> Response:
    """Download a version, by default the newest, exactly as it was uploaded."""
    found = await files.content(user, file_id, version)
    return conditional(request, as_attachment(found), version_tag(found.version))


@router.get(
    "/files/{file_id:uuid}/checks",
    response_model=schemas.CheckPage,
    responses=SAME | problems(401, 403, 404, 422, 503),
)
async def checks(
    request: Request,
    user: ApiUser,
    reports: Reports,
    file_id: UUID,
    limit: Limit = 50,
    cursor: Cursor = None,
    _: IfNoneMatch = None,
) -> Response:
    """The checks of a file, newest first."""
    page = await reports.file_checks(user, file_id, cursor, limit)
    return tagged(request, schemas.CheckPage.model_validate(page))
