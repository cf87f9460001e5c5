"""The internal API of reports. `after=<event id>` waits until that event can be seen."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.reports import feed
from services.reports.cursor import MAX_LENGTH
from services.reports.news import Newsreader
from services.reports.queries import checks as of_checks
from services.reports.queries import files as of_files
from services.reports.queries import mails as of_mails
from shared.contracts.checker import Verdict
from shared.contracts.files import Mark
from shared.contracts.http.reports import (
    CheckPage,
    CheckState,
    File,
    FilePage,
    MailPage,
    Report,
    ReportPage,
)
from shared.db import Database
from shared.web.app import Questions, provided
from shared.web.identity import (
    CurrentUser,
    Identity,
    User,
    bearer_token,
    check_scope,
    user_with,
)
from shared.web.routes import EarlyDependency, Router
from shared.web.stock import stock_header

PATIENCE = 1.0  # seconds a reader waits for their own write

Pool = Annotated[Database, provided(Database)]
Bell = Annotated[feed.Bell, provided(feed.Bell)]
Reader = Annotated[Newsreader, provided(Newsreader)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=MAX_LENGTH)]
# The database holds no NUL, so that none can be looked for.
Part = Annotated[str | None, Query(min_length=1, max_length=100, pattern="^[^\\x00]*$")]
FileReader = Annotated[User, Depends(user_with("files:read"))]
CheckReader = Annotated[User, Depends(user_with("checks:read"))]


async def _filters(
    user: FileReader,
    mark: Mark | None = None,
    check: CheckState | None = None,
    verdict: Verdict | None = None,
    q: Part = None,
    sort: of_files.Sort = "-uploaded_at",
) -> of_files.Filters:
    if verdict is not None:
        check_scope(user, "checks:read")
    return of_files.Filters(mark, check, verdict, q, sort)


async def _who_waits(request: Request) -> User | None:
    """Whoever names an event, whatever their token reaches: that is the routes' matter."""
    if "after" not in request.query_params:
        return None
    identity: Identity = request.app.state.identity
    return identity.verify_user(bearer_token(request))


async def _own_writes(
    user: Annotated[User | None, Depends(EarlyDependency(_who_waits))],
    database: Pool,
    bell: Bell,
    after: UUID | None = None,
) -> None:
    if user is not None and after is not None:
        await feed.holds_or_wait(database, bell, user.user_id, after, PATIENCE)


router = Router(prefix="/internal", dependencies=[Depends(_own_writes)])


@router.get("/files")
async def files(
    user: FileReader,
    connection: Questions,
    filters: Annotated[of_files.Filters, Depends(_filters)],
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> FilePage:
    living, newest = await of_files.stock(connection, user.user_id)
    response.headers.update(stock_header(living, newest))
    page, total = await of_files.files(connection, user.user_id, filters, cursor, limit, living)
    shown = [_shown(user, one) for one in page.items]
    return FilePage(files=shown, total=total, next_cursor=page.next_cursor)


@router.get("/files/{file_id}")
async def file(user: FileReader, connection: Questions, file_id: UUID) -> File:
    return _shown(user, await of_files.file(connection, user.user_id, file_id))


def _shown(user: User, found: File) -> File:
    """Without the result for who may not read checks; how far a check is belongs to the file."""
    return found if user.may("checks:read") else found.model_copy(update={"last_check": None})


@router.get("/files/{file_id}/checks")
async def checks_of_file(
    user: CheckReader,
    connection: Questions,
    file_id: UUID,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CheckPage:
    page = await of_checks.checks_of_file(connection, user.user_id, file_id, cursor, limit)
    return CheckPage(checks=page.items, next_cursor=page.next_cursor)


@router.get("/checks")
async def checks(
    user: CheckReader,
    connection: Questions,
    file_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CheckPage:
    page = await of_checks.checks(connection, user.user_id, file_id, cursor, limit)
    return CheckPage(checks=page.items, next_cursor=page.next_cursor)


@router.get("/checks/{check_id}")
async def report(user: CheckReader, connection: Questions, check_id: UUID) -> Report:
    return await of_checks.report(connection, user.user_id, check_id)


@router.get("/reports")
async def reports(
    user: CheckReader, connection: Questions, limit: Limit = 50, cursor: Cursor = None
) -> ReportPage:
    """Checks in full; as many of them as fit into an answer."""
    page = await of_checks.reports(connection, user.user_id, cursor, limit)
    return ReportPage(reports=page.items, next_cursor=page.next_cursor)


@router.get("/mails")
async def mails(
    user: CurrentUser, connection: Questions, limit: Limit = 50, cursor: Cursor = None
) -> MailPage:
    page = await of_mails.mails(connection, user.user_id, cursor, limit)
    return MailPage(mails=page.items, next_cursor=page.next_cursor)


@router.get("/feed", response_class=EventSourceResponse)
async def events(
    request: Request,
    user: CheckReader,
    bell: Bell,
    reader: Reader,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> AsyncIterator[ServerSentEvent]:
    stopping = request.app.state.stopping
    async for change in feed.changes(bell, reader, user.user_id, last_event_id, stopping):
        yield change
