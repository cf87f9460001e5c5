"""The bytes of a version, and contents by hash for the checker."""

import base64
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Response

from services.files.api.dependencies import Reader, Responses
from services.files.queries import files as queries
from shared.contracts.http.files import Contents, ContentsRequest
from shared.web.app import ReadConnection, Transaction
from shared.web.identity import allowed_services
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.get("/files/{file_id}/content")
async def content(
    user: Reader,
    file_id: UUID,
    connection: ReadConnection,
    version: VersionNumber | None = None,
) -> Response:
    """The bytes of a version; its name percent-encoded in `X-File-Name`."""
    found = await queries.version(connection, user.user_id, file_id, version)
    headers = {
        "X-File-Name": quote(found.name),
        "X-File-Version": str(found.version),
        "ETag": f'"v{found.version}"',
    }
    return Response(found.content, media_type="application/octet-stream", headers=headers)


@router.post("/contents", dependencies=[Depends(allowed_services("checker"))])
async def contents(wanted: ContentsRequest, connection: Transaction, limits: Responses) -> Contents:
    """Contents by SHA-256 in base64, null for one that is not stored.

    The caller asks again for those that the response lacks.
    """
    found = await queries.contents(connection, wanted.sha256, max_bytes=limits.content_bytes)
    return Contents(
        {
            sha256: None if content is None else base64.b64encode(content).decode()
            for sha256, content in found.items()
        }
    )
