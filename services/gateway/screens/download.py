"""Download a version of a file, or all files."""

from functools import partial
from uuid import UUID

from fastapi import Request, Response

from services.gateway.all_files import as_archive
from services.gateway.bearer import Bearer
from services.gateway.clients import Content
from services.gateway.disposition import attachment
from services.gateway.provision import Files, Reports, Sessions
from services.gateway.sessions import WebUser
from services.gateway.turns import WebSteps
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/files/{file_id}/content")
async def download(
    user: WebUser, files: Files, file_id: UUID, version: VersionNumber | None = None
) -> Response:
    return as_attachment(await files.content(user, file_id, version))


@router.get("/files.zip")
async def archive(
    request: Request, steps: WebSteps, files: Files, reports: Reports, sessions: Sessions
) -> Response:
    return await as_archive(Bearer(partial(sessions.fresh, request)), files, reports, steps)


def as_attachment(found: Content) -> Response:
    """Bytes that a browser saves and never shows."""
    headers = {
        "Content-Disposition": attachment(found.name),
        "X-File-Version": str(found.version),
    }
    return Response(found.content, media_type="application/octet-stream", headers=headers)
