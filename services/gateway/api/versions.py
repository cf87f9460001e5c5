"""The versions of a file, and diffs between them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from services.gateway.api import schemas
from services.gateway.api.caching import SAME, IfNoneMatch, conditional, tagged
from services.gateway.api.problems import problems
from services.gateway.dependencies import Files
from services.gateway.http.content_disposition import attachment
from services.gateway.http.pagination import Limit
from services.gateway.identity.sessions import ApiUser
from shared.web.numbers import Number, VersionNumber
from shared.web.routes import Router

router = Router(prefix="/api/v1/files", tags=["Versions"])
PATCH = "text/x-diff"
_DIFFS: dict[int | str, dict[str, Any]] = {
    200: {"content": {PATCH: {"schema": {"type": "string", "format": "binary"}}}},
}
From = Annotated[Number, Query(alias="from", ge=1, lt=2**31)]


@router.get(
    "/{file_id:uuid}/versions",
    response_model=schemas.VersionPage,
    responses=SAME | problems(401, 403, 404, 422, 503),
)
async def versions(
    request: Request,
    user: ApiUser,
    files: Files,
    file_id: UUID,
    before: VersionNumber | None = None,
    limit: Limit = 50,
    _: IfNoneMatch = None,
) -> Response:
    """The versions of a file, newest first, below `before`. A page may be shorter than `limit`."""
    return tagged(request, await files.versions(user, file_id, before, limit))


@router.get(
    "/{file_id:uuid}/diff",
    response_model=schemas.Diff,
    responses=_DIFFS | SAME | problems(401, 403, 404, 410, 422, 503),
)
async def diff(
    request: Request,
    user: ApiUser,
    files: Files,
    file_id: UUID,
    from_: From,
    to: VersionNumber | None = None,
    format: Literal["json", "unified"] = "json",  # noqa: A002 - the name in the URL
    _: IfNoneMatch = None,
) -> Response:
    """The diff of two versions. `to` is the newest by default.

    `format=unified` returns a complete patch file, in the encodings of the versions.
    """
    file = await files.file(user, file_id)
    to = to or file.version
    if format == "json":
        return tagged(request, await files.diff(user, file_id, from_, to))
    patch = await files.patch(user, file_id, from_, to)
    headers = {
        "Content-Type": PATCH,  # no charset: the versions may have any
        "Content-Disposition": attachment(f"{file.name}.{from_}-{to}.diff"),
    }
    answer = Response(patch, headers=headers)
    return conditional(request, answer, f'"v{from_}-v{to}"')
