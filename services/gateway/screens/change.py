"""Change a file: upload what shall take its place."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.gateway import uploads
from services.gateway.clients import Files as FilesClient
from services.gateway.errors import FileMissing, FileTooLarge
from services.gateway.models import File, Saved
from services.gateway.provision import Files, Pages, Reports, Settings
from services.gateway.screens.files import MAX_FORM
from services.gateway.screens.forms import go
from services.gateway.sessions import WebUser
from shared.errors import DomainError, Unauthenticated
from shared.web.identity import User

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}/change")
async def change(
    request: Request, user: WebUser, pages: Pages, reports: Reports, file_id: UUID
) -> Response:
    found = await reports.file(user, file_id)
    return pages.render(request, "change.html", file=found, keep_name=True)


@router.post("/files/{file_id}/change", max_body_size=MAX_FORM)
async def replace(
    request: Request,
    user: WebUser,
    pages: Pages,
    files: Files,
    reports: Reports,
    settings: Settings,
    file_id: UUID,
) -> Response:
    current = await reports.file(user, file_id)
    keep_name = True
    try:
        parts = await uploads.read_parts(request, settings.max_file_bytes, 1)
        keep_name = any(part.field_name == "name" and part.content == b"keep" for part in parts)
        saved = await _replace(user, files, current, parts, keep_name, settings.max_file_bytes)
    except Unauthenticated:
        raise
    except DomainError as error:
        return pages.render(
            request,
            "change.html",
            error.status,
            file=current,
            keep_name=keep_name,
            error=pages.explain(request, error),
            taken=error.params.get("file_id"),
        )
    notice = "replaced" if saved.event_id else "unchanged"
    return go("/", after=saved.event_id, notice=notice)


async def _replace(
    user: User,
    files: FilesClient,
    current: File,
    parts: list[uploads.Part],
    keep_name: bool,
    limit: int,
) -> Saved:
    part = next((part for part in parts if part.field_name == "file"), None)
    if part is None or not part.filename:
        raise FileMissing
    if part.too_large:
        raise FileTooLarge(limit=limit)
    name = current.name if keep_name else part.filename
    return await files.replace(user, current.id, name, bytes(part.content))
