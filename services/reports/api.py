"""The internal API of reports. `after=<event id>` waits until that event can be seen."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.reports import cursor, feed, queries
from services.reports.views import Checks, Files, FileView, Report
from shared.db import Database
from shared.web.app import Transaction, provided
from shared.web.identity import CurrentUser

PATIENCE = 1.0  # seconds a reader waits for their own write

Pool = Annotated[Database, provided(Database)]
Bell = Annotated[feed.Bell, provided(feed.Bell)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(alias="cursor", max_length=200)]


async def _own_writes(database: Pool, bell: Bell, after: UUID | None = None) -> None:
    if after is not None:
        await feed.holds_or_wait(database, bell, after, PATIENCE)


router = APIRouter(prefix="/internal", dependencies=[Depends(_own_writes)])


@router.get("/files")
async def files(
    user: CurrentUser, connection: Transaction, limit: Limit = 50, cursor_: Cursor = None
) -> Files:
    page = await queries.files(connection, user.user_id, _key(cursor_), limit)
    return Files(files=page.items, next_cursor=_next(page.last))


@router.get("/files/{file_id}")
async def file(user: CurrentUser, connection: Transaction, file_id: UUID) -> FileView:
    return await queries.file(connection, user.user_id, file_id)


@router.get("/files/{file_id}/checks")
async def checks_of_file(user: CurrentUser, connection: Transaction, file_id: UUID) -> Checks:
    found = await queries.checks_of_file(connection, user.user_id, file_id)
    return Checks(checks=found, next_cursor=None)


@router.get("/checks")
async def checks(
    user: CurrentUser, connection: Transaction, limit: Limit = 50, cursor_: Cursor = None
) -> Checks:
    page = await queries.checks(connection, user.user_id, _key(cursor_), limit)
    return Checks(checks=page.items, next_cursor=_next(page.last))


@router.get("/checks/{check_id}")
async def report(user: CurrentUser, connection: Transaction, check_id: UUID) -> Report:
    return await queries.report(connection, user.user_id, check_id)


@router.get("/feed", response_class=EventSourceResponse)
async def events(
    request: Request,
    user: CurrentUser,
    database: Pool,
    bell: Bell,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> AsyncIterator[ServerSentEvent]:
    stopping = request.app.state.stopping
    async for change in feed.changes(database, bell, user.user_id, last_event_id, stopping):
        yield change


def _key(given: str | None) -> cursor.Key | None:
    return cursor.decode(given) if given else None


def _next(last: cursor.Key | None) -> str | None:
    return cursor.encode(last) if last else None
