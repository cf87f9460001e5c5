"""Problem responses with more than a sentence: version conflicts and upload limits."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.gateway.api.caching import version_tag
from services.gateway.clients import FilesClient
from services.gateway.source_view.diff_beginning import beginning
from shared.errors import DomainError
from shared.web.identity import User
from shared.web.problems import problem, request_id

MAX_LINES = 200  # of the diff in a problem response; `diff_url` has all


def problem_response(request: Request, error: DomainError, **more: Any) -> Response:
    """The error as a problem; 429 has a `RateLimit` header."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if error.status == 429:  # noqa: PLR2004
        headers["RateLimit"] = f'"uploads";r=0;t={error.retry_after or 1}'
    return problem(
        error.status,
        error.code,
        str(error),
        request_id=request_id(request),
        headers=headers,
        params=error.params,
        **more,
    )


async def problem_with_diff(
    request: Request,
    files: FilesClient,
    user: User,
    file_id: UUID,
    yours: int | None,
    error: DomainError,
) -> Response:
    """The error as a problem; 412 has the current version and its diff to `yours`."""
    if error.status != 412 or yours is None:  # noqa: PLR2004
        return problem_response(request, error)
    more = await _changes_since(files, user, file_id, yours) if yours else {}
    answer = problem_response(request, error, **more)
    if current := error.params.get("current"):
        answer.headers["ETag"] = version_tag(int(current))
    return answer


async def _changes_since(
    files: FilesClient, user: User, file_id: UUID, yours: int
) -> dict[str, Any]:
    """The current version and the diff; left out if files can't be reached."""
    found: dict[str, Any] = {}
    try:
        now = await files.file(user, file_id)
        found["current"] = now.model_dump(mode="json", include={"version", "saved_at", "name"})
        diff = beginning(await files.diff(user, file_id, yours, now.version), MAX_LINES)
    except DomainError:
        return found
    found["diff"] = diff.model_dump(mode="json", by_alias=True)
    found["diff_url"] = f"/api/v1/files/{file_id}/diff?from={yours}&to={now.version}"
    return found
