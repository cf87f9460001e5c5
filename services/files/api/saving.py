"""Uploading, replacing, deleting, restoring."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.files import commands
from services.files.api.parts import NO_LIMIT_HERE, Content, Name, Writer
from services.files.idempotency import Key, fingerprint, only_key
from services.files.saving import Saving
from shared.contracts.http.files import Saved
from shared.web.app import provided
from shared.web.numbers import Number
from shared.web.routes import Router

router = Router()
IfVersion = Annotated[Number, Query(ge=0, lt=2**31)]  # 0 is a version no file has
Desk = Annotated[Saving, provided(Saving)]


async def _key(request: Request, user: Writer, content: Content) -> Key | None:
    key = only_key(request.headers.getlist("idempotency-key"))
    if key is None:
        return None
    target = f"{request.method} {request.url.path}?{request.url.query}"
    return Key(user.user_id, key, fingerprint(target.encode(), content))


OptionalKey = Annotated[Key | None, Depends(_key)]


@router.post("/files", status_code=201, max_body_size=NO_LIMIT_HERE)
async def upload(
    user: Writer,
    name: Name,
    content: Content,
    key: OptionalKey,
    saving: Desk,
    response: Response,
    replace: bool = False,
) -> Saved:
    command = partial(
        commands.upload_file, user_id=user.user_id, name=name, content=content, replace=replace
    )
    saved, again = await saving.once(key, user.user_id, command)
    return _told(response, saved, again=again)


@router.put("/files/{file_id}/content", max_body_size=NO_LIMIT_HERE)
async def replace(
    user: Writer,
    file_id: UUID,
    name: Name,
    content: Content,
    key: OptionalKey,
    saving: Desk,
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
    saved, again = await saving.once(key, user.user_id, command)
    return _told(response, saved, again=again)


@router.delete("/files/{file_id}")
async def delete(
    user: Writer,
    file_id: UUID,
    key: OptionalKey,
    saving: Desk,
    response: Response,
    if_version: IfVersion | None = None,
) -> Saved:
    command = partial(
        commands.delete_file, user_id=user.user_id, file_id=file_id, if_version=if_version
    )
    saved, again = await saving.once(key, user.user_id, command, free=True)
    return _told(response, saved, again=again)


@router.post("/files/{file_id}/restore")
async def restore(
    user: Writer, file_id: UUID, key: OptionalKey, saving: Desk, response: Response
) -> Saved:
    command = partial(commands.restore_file, user_id=user.user_id, file_id=file_id)
    saved, again = await saving.once(key, user.user_id, command)
    return _told(response, saved, again=again)


def _told(response: Response, saved: Saved, *, again: bool) -> Saved:
    if again:
        response.headers["Idempotent-Replayed"] = "true"
    return saved
