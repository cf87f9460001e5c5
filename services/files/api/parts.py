"""What requests are made of."""

from typing import Annotated

from fastapi import Depends, Query, Request

from services.files.settings import Settings
from shared.errors import TooLarge
from shared.web.app import provided
from shared.web.identity import User, user_with

Reader = Annotated[User, Depends(user_with("files:read"))]
Writer = Annotated[User, Depends(user_with("files:write"))]


Name = Annotated[str, Query(max_length=10_000)]
NO_LIMIT_HERE = 2**31  # bytes; `_content` stops at the limit of the settings


class FileTooLarge(TooLarge):
    code = "file_too_large"


async def _content(request: Request, settings: Annotated[Settings, provided(Settings)]) -> bytes:
    """The body, read no further than the limit whatever `Content-Length` says."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > settings.max_file_bytes:
            raise FileTooLarge(limit=settings.max_file_bytes)
    return bytes(read)


Content = Annotated[bytes, Depends(_content)]
