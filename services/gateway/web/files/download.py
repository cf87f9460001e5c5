"""Downloads of a version of a file, or of all files."""

from uuid import UUID

from fastapi import Request, Response

from services.gateway.dependencies import Files, Reports, Sessions
from services.gateway.downloads.all_files import as_archive
from services.gateway.downloads.attachment import as_attachment
from services.gateway.http.concurrency import WebSteps
from services.gateway.identity.sessions import WebUser
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
    return await as_archive(sessions.renewing_user(request), files, reports, steps)
