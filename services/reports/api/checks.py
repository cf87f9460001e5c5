"""The log of checks, without and with findings."""

from uuid import UUID

from services.reports.api.dependencies import (
    READ_YOUR_WRITES,
    CheckReader,
    Cursor,
    Limit,
    Responses,
)
from services.reports.queries import checks as queries
from shared.contracts.http.reports import CheckPage, Report, ReportPage
from shared.web.app import ReadConnection
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=READ_YOUR_WRITES)


@router.get("/files/{file_id}/checks")
async def checks_of_file(
    user: CheckReader,
    connection: ReadConnection,
    file_id: UUID,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CheckPage:
    page = await queries.checks_of_file(connection, user.user_id, file_id, cursor, limit)
    return CheckPage(checks=page.items, next_cursor=page.next_cursor)


@router.get("/checks")
async def checks(
    user: CheckReader,
    connection: ReadConnection,
    file_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CheckPage:
    page = await queries.checks(connection, user.user_id, file_id, cursor, limit)
    return CheckPage(checks=page.items, next_cursor=page.next_cursor)


@router.get("/checks/{check_id}")
async def report(user: CheckReader, connection: ReadConnection, check_id: UUID) -> Report:
    return await queries.report(connection, user.user_id, check_id)


@router.get("/reports")
async def reports(
    user: CheckReader,
    connection: ReadConnection,
    limits: Responses,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ReportPage:
    """Checks with their findings, as many as fit into a response."""
    page = await queries.reports(
        connection, user.user_id, cursor, limit, max_bytes=limits.report_bytes
    )
    return ReportPage(reports=page.items, next_cursor=page.next_cursor)
