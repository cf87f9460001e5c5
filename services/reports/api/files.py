"""The list of files, filtered and ordered, and a file of it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.reports.api.dependencies import READ_YOUR_WRITES, Cursor, FileReader, Limit
from services.reports.queries import files as queries
from shared.contracts.checker import Verdict
from shared.contracts.files import Mark
from shared.contracts.http.reports import CheckState, File, FilePage
from shared.web.app import ReadConnection
from shared.web.files_state import files_state_header
from shared.web.identity import User, check_scope
from shared.web.routes import Router

# Postgres refuses a text with NUL.
NamePart = Annotated[str | None, Query(min_length=1, max_length=100, pattern="^[^\\x00]*$")]
router = Router(prefix="/internal", dependencies=READ_YOUR_WRITES)


async def _filters(
    user: FileReader,
    mark: Mark | None = None,
    check: CheckState | None = None,
    verdict: Verdict | None = None,
    q: NamePart = None,
    sort: queries.Sort = "-uploaded_at",
) -> queries.Filters:
    if verdict is not None:
        check_scope(user, "checks:read")
    return queries.Filters(mark, check, verdict, q, sort)


@router.get("/files")
async def files(
    user: FileReader,
    connection: ReadConnection,
    filters: Annotated[queries.Filters, Depends(_filters)],
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> FilePage:
    count, newest = await queries.count_and_newest(connection, user.user_id)
    response.headers.update(files_state_header(count, newest))
    page, total = await queries.files(connection, user.user_id, filters, cursor, limit, count)
    shown = [_allowed(user, file) for file in page.items]
    return FilePage(files=shown, total=total, next_cursor=page.next_cursor)


@router.get("/files/{file_id}")
async def file(user: FileReader, connection: ReadConnection, file_id: UUID) -> File:
    return _allowed(user, await queries.file(connection, user.user_id, file_id))


def _allowed(user: User, file: File) -> File:
    """The file without its last check, unless the user's token may read checks."""
    return file if user.has_scope("checks:read") else file.model_copy(update={"last_check": None})
