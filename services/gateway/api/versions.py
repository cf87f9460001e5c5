"""The history of a file: its versions, and what differs between two of them."""

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
    """All versions, newest first; those below `before`. A page may be shorter than `limit`."""
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
    format: Literal["json", "unified"] = "json",  # noqa: A002 - the name in the address
    _: IfNoneMatch = None,
) -> Response:
    """What changed between two versions, up to the newest without `to`.

    `format=unified` is a file for `patch`, in the bytes of the versions and never cut.
    """
    file = await files.file(user, file_id)
    to = to or file.version
    if format == "json":
        return tagged(request, await files.diff(user, file_id, from_, to))
    patch = await files.patch(user, file_id, from_, to)
    headers = {
        "Content-Type": PATCH,  # in no charset: the bytes are those of the versions
        "Content-Disposition": attachment(f"{file.name}.{from_}-{to}.diff"),
    }
    answer = Response(patch, headers=headers)
    return conditional(request, answer, f'"v{from_}-v{to}"')
