"""Bytes."""

import base64
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Response

from services.files import bulk, queries
from services.files.api.parts import Reader
from shared.contracts.http.files import (
    Contents,
    ContentsRequest,
    VersionsRequest,
    VersionsWithContent,
)
from shared.web.app import Questions, Transaction
from shared.web.identity import allowed_services
from shared.web.numbers import VersionNumber
from shared.web.routes import Router

router = Router()


@router.get("/files/{file_id}/content")
async def content(
    user: Reader,
    file_id: UUID,
    connection: Questions,
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


@router.post("/versions")
async def versions(
    user: Reader, asked: VersionsRequest, connection: Transaction
) -> VersionsWithContent:
    """Versions of several files with their bytes; ask again, with `before`, for what follows."""
    return await bulk.versions(connection, user.user_id, asked)


@router.post("/contents", dependencies=[Depends(allowed_services("checker"))])
async def contents(wanted: ContentsRequest, connection: Transaction) -> Contents:
    """Contents by sha256 in base64, null for unknown ones; ask again for what is not answered."""
    found = await queries.contents(connection, wanted.sha256)
    return {
        sha256: None if content is None else base64.b64encode(content).decode()
        for sha256, content in found.items()
    }
