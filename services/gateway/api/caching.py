"""Entity tags, conditional requests and rate limit headers."""

import hashlib
import re
from math import ceil
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel

from shared.contracts.http.files import Limits

_TAG = r'(W/)?"[!#-~]*"'
_VERSION = re.compile(r'(?<!W/)"v([1-9][0-9]{0,8})(?:-[0-9a-f]{32})?"')
_REVALIDATED = "private, no-cache"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern="^[!-~]{1,255}$",
        description="requests with the same key and content take effect once and get the same"
        " response, for 24 hours",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$",
        max_length=500,
        description="change the file only if this is its version: the `ETag` of the file or of its"
        ' content, or `"v3"`; of several tags the newest counts, and weak tags never match',
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", description="entity tags of cached responses; 304 if one matches"
    ),
]
SAME: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified: your copy is current."}
}


def version_tag(version: int) -> str:
    return f'"v{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version `If-Match` requires: None for any, 0 if no tag can match."""
    if if_match in {None, "*"}:
        return None
    return max(map(int, _VERSION.findall(if_match)), default=0)


def tagged(request: Request, body: BaseModel, version: int | None = None) -> Response:
    """A JSON response whose `ETag` is a hash of its content, after `version` if given."""
    content = body.model_dump_json(by_alias=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:32]
    tag = f'"{digest}"' if version is None else f'"v{version}-{digest}"'
    return conditional(request, Response(content, media_type="application/json"), tag)


def conditional(request: Request, answer: Response, tag: str) -> Response:
    """The response with its `ETag`, or 304 if the client has it (RFC 9110, 13.1.2)."""
    headers = {"ETag": tag, "Cache-Control": _REVALIDATED}
    had = ", ".join(request.headers.getlist("if-none-match"))
    if had.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in had.split(",")}:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def rate_headers(limits: Limits) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers.

    Uploads are a token bucket: `t` is the seconds until it is full, or until the next upload
    if none is left.
    """
    uploads = limits.uploads
    full = ceil((uploads.limit - uploads.left) * uploads.window_seconds / uploads.limit)
    reset = full if uploads.left else uploads.retry_after
    return {
        "RateLimit-Policy": f'"uploads";q={uploads.limit};w={uploads.window_seconds}',
        "RateLimit": f'"uploads";r={uploads.left};t={reset}',
    }


def tag_header(description: str) -> dict[str, Any]:
    return {"ETag": {"description": description, "schema": {"type": "string"}}}
