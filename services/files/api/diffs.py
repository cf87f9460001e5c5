"""What changed between two versions, or from a version to bytes that are not saved."""

import asyncio
import hashlib
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from services.files.api.dependencies import NO_EARLIER_LIMIT, Content, Db, Diffs, Reader
from services.files.diffs.comparison import compare
from services.files.diffs.limiter import DiffLimiter
from services.files.diffs.line_changes import parse_source
from services.files.diffs.patch import make_patch
from services.files.domain.contents import check_text
from services.files.queries import files as queries
from shared.contracts.http.files import Diff
from shared.db import Database
from shared.web.identity import User
from shared.web.numbers import Number, VersionNumber
from shared.web.routes import Router

router = Router(prefix="/internal")
From = Annotated[Number, Query(alias="from", ge=1, lt=2**31)]


@router.get("/files/{file_id}/diff")
async def diff(
    user: Reader, file_id: UUID, from_: From, to: VersionNumber, database: Db, diffs: Diffs
) -> Diff:
    old, new = await _versions(database, user, file_id, from_, to)
    return Diff(**await _compare(diffs, old.content, new.content), from_=from_, to=to)


@router.get("/files/{file_id}/patch")
async def patch(
    user: Reader, file_id: UUID, from_: From, to: VersionNumber, database: Db, diffs: Diffs
) -> Response:
    """The same as a file for GNU's `patch`."""
    old, new = await _versions(database, user, file_id, from_, to)
    key = ("patch", old.sha256, old.name, new.sha256, new.name)
    make = partial(make_patch, old.content, new.content, old.name, new.name)
    return Response(await diffs.run(key, make), media_type="application/octet-stream")


@router.post("/files/{file_id}/diff", max_body_size=NO_EARLIER_LIMIT)
async def diff_to_body(
    user: Reader, file_id: UUID, from_: From, content: Content, database: Db, diffs: Diffs
) -> Diff:
    """From a version to the body, of which nothing is stored."""
    await asyncio.to_thread(check_text, content)
    async with database.transaction() as connection:
        old = await queries.version(connection, user.user_id, file_id, from_)
    return Diff(**await _compare(diffs, old.content, content), from_=from_, to=None)


async def _versions(
    database: Database, user: User, file_id: UUID, *numbers: int
) -> list[queries.Version]:
    async with database.autocommit() as connection:
        return [
            await queries.version(connection, user.user_id, file_id, number) for number in numbers
        ]


async def _compare(diffs: DiffLimiter, old: bytes, new: bytes) -> dict[str, Any]:
    """Compare without a database connection, which other requests need meanwhile."""
    pair = tuple(hashlib.sha256(content).digest() for content in (old, new))
    return vars(await diffs.run(pair, lambda: compare(parse_source(old), parse_source(new))))
