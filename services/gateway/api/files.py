"""Files."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.gateway import models, uploads
from services.gateway.api.problem import problems
from services.gateway.clients import Reports as ReportsClient
from services.gateway.provision import Files, Reports, Settings
from services.gateway.screens.download import VersionNumber, as_attachment
from services.gateway.sessions import ApiUser
from shared.clock import utc_now
from shared.errors import NotFound, Unavailable
from shared.web.identity import User

router = APIRouter(prefix="/api/v1/files", tags=["Files"])
MAX_BODY = 256 * 1024 * 1024  # bytes; the reading of a file ends at its own limit
_FILE = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {**_FILE, "required": ["file"]}}},
    }
}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}


@router.get("", responses=problems(401, 422, 503))
async def files(
    user: ApiUser,
    reports: Reports,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    after: UUID | None = None,
) -> models.FilePage:
    """One's files. `after`, the id of an event, makes the answer wait for it, up to 1 s."""
    return await reports.files(user, after, cursor, limit)


@router.post(
    "",
    status_code=201,
    max_body_size=MAX_BODY,
    openapi_extra=_FORM,
    responses=problems(401, 409, 413, 415, 422, 503),
)
async def upload(
    request: Request,
    response: Response,
    user: ApiUser,
    files: Files,
    reports: Reports,
    settings: Settings,
) -> models.File:
    """Upload a file as the part `file` of a multipart form. `Location` is its address."""
    part = await uploads.only_file(request, settings.max_file_bytes)
    saved = await files.upload(user, part.filename or "", bytes(part.content))
    response.headers["Location"] = f"/api/v1/files/{saved.file_id}"
    return await _as_listed(user, reports, saved, part, "new")


@router.get("/{file_id}", responses=problems(401, 404, 422, 503))
async def file(
    user: ApiUser, reports: Reports, file_id: UUID, after: UUID | None = None
) -> models.File:
    """A file with its newest result."""
    return await reports.file(user, file_id, after)


@router.delete("/{file_id}", status_code=204, responses=problems(401, 404, 422, 503))
async def delete(user: ApiUser, files: Files, file_id: UUID) -> None:
    """Delete a file. Its reports stay."""
    await files.delete(user, file_id)


@router.put(
    "/{file_id}/content",
    max_body_size=MAX_BODY,
    openapi_extra=_FORM,
    responses=problems(401, 404, 409, 413, 415, 422, 503),
)
async def replace(
    request: Request,
    user: ApiUser,
    files: Files,
    reports: Reports,
    settings: Settings,
    file_id: UUID,
) -> models.File:
    """Replace a file, name included. The same bytes under the same name change nothing."""
    part = await uploads.only_file(request, settings.max_file_bytes)
    saved = await files.replace(user, file_id, part.filename or "", bytes(part.content))
    return await _as_listed(user, reports, saved, part, "replaced")


@router.get(
    "/{file_id}/content",
    response_class=Response,
    responses=_BYTES | problems(401, 404, 422, 503),
)
async def content(
    user: ApiUser, files: Files, file_id: UUID, version: VersionNumber | None = None
) -> Response:
    """Download a version, the newest without `version`."""
    return as_attachment(await files.content(user, file_id, version))


@router.get("/{file_id}/checks", responses=problems(401, 404, 422, 503))
async def checks(user: ApiUser, reports: Reports, file_id: UUID) -> models.CheckPage:
    """The log of a file's checks, newest first."""
    return await reports.file_checks(user, file_id)


async def _as_listed(
    user: User, reports: ReportsClient, saved: models.Saved, part: uploads.Part, mark: Any
) -> models.File:
    """The file as the list shows it; as it was sent while reports has not heard of it yet."""
    try:
        return await reports.file(user, saved.file_id, saved.event_id)
    except (NotFound, Unavailable):
        return models.File(
            id=saved.file_id,
            name=part.filename or "",
            version=saved.version,
            mark=mark,
            check="waiting",
            size=len(part.content),
            sha256=hashlib.sha256(part.content).hexdigest(),
            uploaded_at=utc_now(),
        )
