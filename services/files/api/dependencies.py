"""What routes ask for by type: users with a scope, the body, objects that main has made."""

from typing import Annotated

from fastapi import Depends, Query, Request

from services.files.commands.runner import CommandRunner
from services.files.diffs.limiter import DiffLimiter
from services.files.queries.response_limits import ResponseLimits
from services.files.settings import Settings
from services.files.storage.idempotency import Key, fingerprint, parse_key
from shared.db import Database
from shared.errors import TooLarge
from shared.web.app import provided
from shared.web.identity import User, user_with

NO_EARLIER_LIMIT = 2**31  # bytes; `_content` enforces that of the settings

Reader = Annotated[User, Depends(user_with("files:read"))]
Writer = Annotated[User, Depends(user_with("files:write"))]
Db = Annotated[Database, provided(Database)]
Runner = Annotated[CommandRunner, provided(CommandRunner)]
Diffs = Annotated[DiffLimiter, provided(DiffLimiter)]
Responses = Annotated[ResponseLimits, provided(ResponseLimits)]
Name = Annotated[str, Query(max_length=10_000)]


class FileTooLarge(TooLarge):
    code = "file_too_large"


async def _content(request: Request, settings: Annotated[Settings, provided(Settings)]) -> bytes:
    """Read the body, no further than the limit whatever `Content-Length` says."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > settings.max_file_bytes:
            raise FileTooLarge(limit=settings.max_file_bytes)
    return bytes(read)


Content = Annotated[bytes, Depends(_content)]


async def _key(request: Request, user: Writer, content: Content) -> Key | None:
    key = parse_key(request.headers.getlist("idempotency-key"))
    if key is None:
        return None
    target = f"{request.method} {request.url.path}?{request.url.query}"
    return Key(user.user_id, key, fingerprint(target.encode(), content))


IdempotencyKey = Annotated[Key | None, Depends(_key)]
