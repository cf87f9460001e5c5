"""The internal API of files. Bytes travel as they are; names in the query."""

import base64
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from services.files import commands, queries
from services.files.settings import Settings
from shared.contracts.files import Sha256
from shared.db import Database
from shared.errors import TooLarge
from shared.eventsourcing.store import EventStore
from shared.web.app import Transaction, provided
from shared.web.identity import CurrentUser, callers

router = APIRouter(prefix="/internal")
Store = Annotated[EventStore, provided(EventStore)]
Pool = Annotated[Database, provided(Database)]
Name = Annotated[str, Query(max_length=10_000)]
NO_LIMIT_HERE = 2**31  # bytes; `_content` stops at the limit of the settings
VersionNumber = Annotated[int, Query(ge=1, lt=2**31)]


class FileTooLarge(TooLarge):
    """The file is larger than the limit of {limit} bytes."""

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


class Saved(BaseModel):
    """What a command led to; `event_id` is empty when nothing had to change."""

    file_id: UUID
    version: int
    event_id: UUID | None


class Wanted(BaseModel):
    """Contents the checker asks for."""

    sha256: list[Sha256] = Field(max_length=500)


@router.post("/files", status_code=201, max_body_size=NO_LIMIT_HERE)
async def upload(
    user: CurrentUser, name: Name, content: Content, database: Pool, store: Store
) -> Saved:
    async with database.transaction() as connection:
        saved = await commands.upload_file(connection, store, user.user_id, name, content)
    return Saved(**vars(saved))


@router.put("/files/{file_id}/content", max_body_size=NO_LIMIT_HERE)
async def replace(
    user: CurrentUser, file_id: UUID, name: Name, content: Content, database: Pool, store: Store
) -> Saved:
    async with database.transaction() as connection:
        saved = await commands.replace_content(
            connection, store, user.user_id, file_id, name, content
        )
    return Saved(**vars(saved))


@router.delete("/files/{file_id}")
async def delete(user: CurrentUser, file_id: UUID, connection: Transaction, store: Store) -> Saved:
    return Saved(**vars(await commands.delete_file(connection, store, user.user_id, file_id)))


@router.get("/files/{file_id}/content")
async def content(
    user: CurrentUser,
    file_id: UUID,
    connection: Transaction,
    version: VersionNumber | None = None,
) -> Response:
    """The bytes of a version; its name percent-encoded in `X-File-Name`."""
    found = await queries.version(connection, user.user_id, file_id, version)
    headers = {"X-File-Name": quote(found.name), "X-File-Version": str(found.version)}
    return Response(found.content, media_type="application/octet-stream", headers=headers)


@router.post("/contents", dependencies=[Depends(callers("checker"))])
async def contents(wanted: Wanted, connection: Transaction) -> dict[str, str | None]:
    """Contents by sha256 in base64, null for unknown ones; ask again for what is not answered."""
    found = await queries.contents(connection, wanted.sha256)
    return {
        sha256: None if content is None else base64.b64encode(content).decode()
        for sha256, content in found.items()
    }
