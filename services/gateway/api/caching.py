"""What answers about files have in common: entity tags, conditions, limits."""

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
        description="the same key with the same content has one effect and one answer, for 24 h",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$",
        max_length=500,
        description="carry it out only while the file has this version: the `ETag` of the file or"
        ' of its content, or `"v3"`; of several the latest counts, and weak ones never match',
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", description="entity tags one has; 304 when one still holds"),
]
SAME: dict[int | str, dict[str, Any]] = {304: {"description": "You have it already."}}


def version_tag(version: int) -> str:
    return f'"v{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version a condition names: 0 where it names none that can be; None where any will do."""
    if if_match in {None, "*"}:
        return None
    return max(map(int, _VERSION.findall(if_match)), default=0)


def tagged(request: Request, body: BaseModel, version: int | None = None) -> Response:
    """JSON with a tag of its content, and before that its version, where it has one."""
    content = body.model_dump_json(by_alias=True).encode()
    digest = hashlib.sha256(content).hexdigest()[:32]
    tag = f'"{digest}"' if version is None else f'"v{version}-{digest}"'
    return conditional(request, Response(content, media_type="application/json"), tag)


def conditional(request: Request, answer: Response, tag: str) -> Response:
    """The answer under its tag; 304 for who has it already (RFC 9110, 13.1.2)."""
    headers = {"ETag": tag, "Cache-Control": _REVALIDATED}
    had = ", ".join(request.headers.getlist("if-none-match"))
    if had.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in had.split(",")}:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def rate_headers(limits: Limits) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers.

    A token bucket: `t` is when all of them are back, or the next one where none is left.
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
