"""How the API tells errors (RFC 9457), for its description."""

from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from services.gateway.errors import UnsupportedMediaType
from shared.web.routes import EarlyDependency


class Problem(BaseModel):
    """An error. `code` never changes its meaning; `request_id` finds it in our logs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    params: dict[str, str | int] = Field(default_factory=dict)


_MEANINGS = {
    400: "The request can't be understood.",
    401: "No valid access or refresh token; at a login, wrong credentials, or a code is needed.",
    403: "The token's scopes do not reach this far.",
    404: "There is nothing here, or it is not yours.",
    408: "The body took too long to arrive.",
    409: "Something stands in the way, for example a file of the same name.",
    410: "It was there, and is gone for good.",
    412: "The file has another version by now; `current` and `diff` tell what happened.",
    413: "Larger than allowed.",
    415: "The wrong kind of content.",
    422: "A value is not allowed.",
    429: "Too often; `Retry-After` says when to try again.",
    503: "A part is not available, and nothing was done; `Retry-After` says when to try again.",
    504: "Nobody can tell whether it was done (`outcome_unknown`): look before you repeat it. With"
    " an `Idempotency-Key` it may be repeated as it is.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors a route may answer."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


async def _json_only(request: Request) -> None:
    """Refuse (415) a form or anything else where JSON is asked for."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity" or not (kind == "application/json" or kind.endswith("+json")):
        raise UnsupportedMediaType


json_only = EarlyDependency(_json_only)
