"""Changing files: upload, replace, delete, restore."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.gateway.api import schemas
from services.gateway.api.caching import (
    IfMatch,
    Key,
    rate_headers,
    tag_header,
    version_of,
    version_tag,
)
from services.gateway.api.conflicts import problem_response, problem_with_diff
from services.gateway.api.problems import problems
from services.gateway.clients.files import Saved
from services.gateway.dependencies import Files, Reports, Settings
from services.gateway.identity.sessions import ApiUser
from services.gateway.uploads import forms
from shared.contracts.http.reports import File
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(prefix="/api/v1/files", tags=["Files"])
_FILE = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {**_FILE, "required": ["file"]}}},
    }
}
_HEADERS: dict[str, Any] = {
    **tag_header("`v` and the version"),
    "RateLimit": {"description": "remaining uploads", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "the limit on uploads", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true`: a repeated response",
        "schema": {"type": "string"},
    },
}
_SAVED: dict[int | str, dict[str, Any]] = {200: {"headers": _HEADERS}}
_CREATED: dict[int | str, dict[str, Any]] = {201: {"headers": _HEADERS}}
_REFUSALS = problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503, 504)


@router.post(
    "",
    status_code=201,
    response_model=schemas.SavedFile,
    max_body_size=forms.MAX_BODY,
    openapi_extra=_FORM,
    responses=_CREATED | _REFUSALS,
)
async def upload(
    request: Request,
    user: ApiUser,
    files: Files,
    reports: Reports,
    settings: Settings,
    key: Key = None,
) -> Response:
    """Upload a file as the part `file` of a multipart form. `Location` is its URL."""
    sent = await forms.only_file(request, settings.max_file_bytes)
    try:
        saved = await files.upload(user, sent.name, sent.content, key)
    except DomainError as error:
        return problem_response(request, error)
    reports.record_change(user, saved.event_id)
    answer = _as_saved(saved, None, 201)  # it can't have been checked yet
    answer.headers["Location"] = f"/api/v1/files/{saved.file_id}"
    return answer


@router.put(
    "/{file_id:uuid}/content",
    response_model=schemas.SavedFile,
    max_body_size=forms.MAX_BODY,
    openapi_extra=_FORM,
    responses=_SAVED | _REFUSALS | problems(404, 412),
)
async def replace(
    request: Request,
    user: ApiUser,
    files: Files,
    reports: Reports,
    settings: Settings,
    file_id: UUID,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Replace a file's content and name. The same bytes under the same name change nothing.

    The response describes the version you saved, even if a newer one has followed.
    """
    sent = await forms.only_file(request, settings.max_file_bytes)
    yours = version_of(if_match)
    try:
        saved = await files.replace(
            user, file_id, sent.name, sent.content, if_version=yours, key=key
        )
    except DomainError as error:
        return await problem_with_diff(request, files, user, file_id, yours, error)
    reports.record_change(user, saved.event_id)
    return _as_saved(saved, await reports.file_if_quick(user, file_id), 200)


@router.delete(
    "/{file_id:uuid}",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 409, 412, 422, 503, 504),
)
async def delete(
    request: Request,
    user: ApiUser,
    files: Files,
    reports: Reports,
    file_id: UUID,
    if_match: IfMatch = None,
) -> Response:
    """Delete a file. Its reports stay, and it can be restored until its content is erased."""
    yours = version_of(if_match)
    try:
        saved = await files.delete(user, file_id, yours)
    except DomainError as error:
        return await problem_with_diff(request, files, user, file_id, yours, error)
    reports.record_change(user, saved.event_id)
    return Response(status_code=204)


@router.post(
    "/{file_id:uuid}/restore",
    response_model=schemas.SavedFile,
    responses=_SAVED | problems(401, 403, 404, 409, 410, 422, 503, 504),
)
async def restore(user: ApiUser, files: Files, reports: Reports, file_id: UUID) -> Response:
    """Restore a deleted file, unless its content has been erased."""
    saved = await files.restore(user, file_id)
    reports.record_change(user, saved.event_id)
    return _as_saved(saved, await reports.file_if_quick(user, file_id), 200)


def _as_saved(saved: Saved, listed: File | None, status: int) -> Response:
    """The version the command saved, with what reports knows about it."""
    body = _file(saved, listed)
    answer = JSONResponse(body.model_dump(mode="json"), status)
    answer.headers.update({"ETag": version_tag(saved.version), **rate_headers(saved.limits)})
    if saved.replayed:
        answer.headers["Idempotent-Replayed"] = "true"
    return answer


def _file(saved: Saved, listed: File | None) -> schemas.SavedFile:
    is_mine = listed is not None and listed.version == saved.version and listed.mark == saved.mark
    last = listed.last_check if listed else None
    return schemas.SavedFile(
        id=saved.file_id,
        name=saved.name,
        version=saved.version,
        mark=saved.mark,
        check=listed.check if listed and is_mine else "waiting",
        size=saved.size,
        sha256=saved.sha256,
        uploaded_at=saved.saved_at,
        last_check=(
            schemas.LastCheck.model_validate(last)
            if last and last.version <= saved.version
            else None
        ),
        unchanged=saved.unchanged,
        limits=saved.limits,
    )
