"""The versions of a file, and those of several files with their bytes."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.files.api.dependencies import Db, Reader, Responses
from services.files.queries.history import history
from services.files.queries.line_counts import LineCounts
from services.files.queries.version_contents import version_contents
from shared.contracts.http.files import VersionPage, VersionsRequest, VersionsWithContent
from shared.web.app import Transaction, provided
from shared.web.numbers import Number, VersionNumber
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.get("/files/{file_id}/versions")
async def versions_of_file(
    user: Reader,
    file_id: UUID,
    database: Db,
    counts: Annotated[LineCounts, provided(LineCounts)],
    limits: Responses,
    before: VersionNumber | None = None,
    limit: Annotated[Number, Query(ge=1, le=200)] = 50,
) -> VersionPage:
    return await history(
        database,
        counts,
        user.user_id,
        file_id,
        before=before,
        limit=limit,
        max_counted_bytes=limits.counted_bytes,
    )


@router.post("/versions")
async def versions_with_contents(
    user: Reader, asked: VersionsRequest, connection: Transaction, limits: Responses
) -> VersionsWithContent:
    """As many as fit into a response; `before` asks for those that follow."""
    return await version_contents(connection, user.user_id, asked, limits)
