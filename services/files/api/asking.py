"""What a file is, what its versions were, what changed between them, what is left to use."""

import asyncio
import hashlib
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from services.files import limits, queries, versions
from services.files.api.parts import NO_LIMIT_HERE, Content, Reader
from services.files.changes import source
from services.files.comparing import Comparing
from services.files.diff import compare
from services.files.domain.contents import check_text
from services.files.patch import patch as made_patch
from services.files.saving import Saving
from services.files.versions import LineCounts
from shared.contracts.http.files import Diff, Limits, StoredFile, VersionPage
from shared.db import Database
from shared.web.app import Questions, provided
from shared.web.identity import User
from shared.web.numbers import Number, VersionNumber
from shared.web.routes import Router
from shared.web.stock import stock_header

router = Router()
Db = Annotated[Database, provided(Database)]
Turns = Annotated[Comparing, provided(Comparing)]
From = Annotated[Number, Query(alias="from", ge=1, lt=2**31)]


@router.get("/limits")
async def what_is_left(
    user: Reader,
    connection: Questions,
    saving: Annotated[Saving, provided(Saving)],
    response: Response,
) -> Limits:
    response.headers.update(stock_header(*await limits.stock(connection, user.user_id)))
    return await limits.current(connection, saving.allowance, user.user_id, saving.clock())


@router.get("/files/{file_id}")
async def file(user: Reader, file_id: UUID, connection: Questions) -> StoredFile:
    return await queries.file(connection, user.user_id, file_id)


@router.get("/files/{file_id}/versions")
async def history(
    user: Reader,
    file_id: UUID,
    database: Db,
    counts: Annotated[LineCounts, provided(LineCounts)],
    before: VersionNumber | None = None,
    limit: Annotated[Number, Query(ge=1, le=200)] = 50,
) -> VersionPage:
    return await versions.page(database, counts, user.user_id, file_id, before=before, limit=limit)


@router.get("/files/{file_id}/diff")
async def diff(
    user: Reader, file_id: UUID, from_: From, to: VersionNumber, database: Db, comparing: Turns
) -> Diff:
    old, new = await _versions(database, user, file_id, from_, to)
    return Diff(**await _compared(comparing, old.content, new.content), from_=from_, to=to)


@router.get("/files/{file_id}/patch")
async def patch(
    user: Reader, file_id: UUID, from_: From, to: VersionNumber, database: Db, comparing: Turns
) -> Response:
    """The same as a file for `patch`."""
    old, new = await _versions(database, user, file_id, from_, to)
    key = ("patch", old.sha256, old.name, new.sha256, new.name)
    make = partial(made_patch, old.content, new.content, old.name, new.name)
    return Response(await comparing.made(key, make), media_type="application/octet-stream")


@router.post("/files/{file_id}/diff", max_body_size=NO_LIMIT_HERE)
async def diff_to_body(
    user: Reader, file_id: UUID, from_: From, content: Content, database: Db, comparing: Turns
) -> Diff:
    """Against the bytes sent, of which nothing is kept."""
    await asyncio.to_thread(check_text, content)
    async with database.transaction() as connection:
        old = await queries.version(connection, user.user_id, file_id, from_)
    return Diff(**await _compared(comparing, old.content, content), from_=from_, to=None)


async def _versions(
    database: Database, user: User, file_id: UUID, *numbers: int
) -> list[queries.Version]:
    async with database.questions() as connection:
        return [
            await queries.version(connection, user.user_id, file_id, number) for number in numbers
        ]


async def _compared(comparing: Comparing, old: bytes, new: bytes) -> dict[str, Any]:
    """With no connection held: whoever only wants to read must not wait for it."""
    pair = tuple(hashlib.sha256(content).digest() for content in (old, new))
    return vars(await comparing.made(pair, lambda: compare(source(old), source(new))))
