"""Error responses (RFC 9457) in the OpenAPI document."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from services.gateway.errors import UnsupportedMediaType
from shared.web.routes import EarlyDependency


class Problem(BaseModel):
    """An error. `code` is stable; `request_id` identifies the request in our logs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    params: dict[str, str | int] = Field(default_factory=dict)


_MEANINGS = {
    400: "The request is malformed.",
    401: "No valid access or refresh token; at a login, wrong credentials, or a code is required.",
    403: "The token's scopes do not allow this.",
    404: "It does not exist, or it is not yours.",
    408: "The body took too long to arrive.",
    409: "It conflicts with the current state, for example with a file of the same name.",
    410: "It has been erased.",
    412: "The file has another version; `current` and `diff` describe it.",
    413: "The request is larger than allowed.",
    415: "The content type is not supported.",
    422: "A value is not allowed.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "A service is unavailable, and nothing was done; `Retry-After` says when to try again.",
    504: "It is unknown whether the request took effect (`outcome_unknown`): check before you"
    " repeat it. A request with an `Idempotency-Key` can be repeated safely.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for the OpenAPI document."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


async def _json_only(request: Request) -> None:
    """Refuse (415) a body that is not JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity" or not (kind == "application/json" or kind.endswith("+json")):
        raise UnsupportedMediaType


json_only = EarlyDependency(_json_only)
