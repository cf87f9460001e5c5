"""A file: upload, replace, delete, restore, and its current state."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.files.api.dependencies import (
    NO_EARLIER_LIMIT,
    Content,
    IdempotencyKey,
    Name,
    Reader,
    Runner,
    Writer,
)
from services.files.commands import files as commands
from services.files.queries import files as queries
from shared.contracts.http.files import Saved, StoredFile
from shared.web.app import ReadConnection
from shared.web.numbers import Number
from shared.web.routes import Router

router = Router(prefix="/internal")
IfVersion = Annotated[Number, Query(ge=0, lt=2**31)]  # 0 is a version no file has


@router.post("/files", status_code=201, max_body_size=NO_EARLIER_LIMIT)
async def upload(
    user: Writer,
    name: Name,
    content: Content,
    key: IdempotencyKey,
    runner: Runner,
    response: Response,
    replace: bool = False,
) -> Saved:
    command = partial(
        commands.upload_file, user_id=user.user_id, name=name, content=content, replace=replace
    )
    saved, repeated = await runner.run(key, user.user_id, command)
    return _marked(response, saved, repeated=repeated)


@router.put("/files/{file_id}/content", max_body_size=NO_EARLIER_LIMIT)
async def replace(
    user: Writer,
    file_id: UUID,
    name: Name,
    content: Content,
    key: IdempotencyKey,
    runner: Runner,
    response: Response,
    if_version: IfVersion | None = None,
) -> Saved:
    command = partial(
        commands.replace_content,
        user_id=user.user_id,
        file_id=file_id,
        name=name,
        content=content,
        if_version=if_version,
    )
    saved, repeated = await runner.run(key, user.user_id, command)
    return _marked(response, saved, repeated=repeated)


@router.delete("/files/{file_id}")
async def delete(
    user: Writer,
    file_id: UUID,
    key: IdempotencyKey,
    runner: Runner,
    response: Response,
    if_version: IfVersion | None = None,
) -> Saved:
    command = partial(
        commands.delete_file, user_id=user.user_id, file_id=file_id, if_version=if_version
    )
    saved, repeated = await runner.run(key, user.user_id, command, charged=False)
    return _marked(response, saved, repeated=repeated)


@router.post("/files/{file_id}/restore")
async def restore(
    user: Writer, file_id: UUID, key: IdempotencyKey, runner: Runner, response: Response
) -> Saved:
    command = partial(commands.restore_file, user_id=user.user_id, file_id=file_id)
    saved, repeated = await runner.run(key, user.user_id, command)
    return _marked(response, saved, repeated=repeated)


@router.get("/files/{file_id}")
async def file(user: Reader, file_id: UUID, connection: ReadConnection) -> StoredFile:
    return await queries.file(connection, user.user_id, file_id)


def _marked(response: Response, saved: Saved, *, repeated: bool) -> Saved:
    if repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return saved
