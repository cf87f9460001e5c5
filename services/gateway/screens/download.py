"""Download a version of a file."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.gateway.clients import Content
from services.gateway.disposition import attachment
from services.gateway.provision import Files
from services.gateway.sessions import WebUser

router = APIRouter(include_in_schema=False)
VersionNumber = Annotated[int, Query(ge=1, lt=2**31)]


@router.get("/files/{file_id}/content")
async def download(
    user: WebUser, files: Files, file_id: UUID, version: VersionNumber | None = None
) -> Response:
    return as_attachment(await files.content(user, file_id, version))


def as_attachment(found: Content) -> Response:
    """Bytes that a browser saves and never shows."""
    headers = {
        "Content-Disposition": attachment(found.name),
        "X-File-Version": str(found.version),
    }
    return Response(found.content, media_type="application/octet-stream", headers=headers)
