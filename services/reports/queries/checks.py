"""The log of checks, without and with findings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.pagination import Listing, Order, Page, fetch, read_page
from shared.contracts.http.reports import CheckSummary, Mail, Report
from shared.errors import NotFound

MAIL_COLUMNS = """
coalesce(m.state, 'waiting') AS mail_state, coalesce(m.attempts, 0) AS mail_attempts,
m.sent_at AS mail_sent_at, m.message_id AS mail_message_id, m.reply AS mail_reply,
m.reason AS mail_reason, m.next_attempt_at AS mail_next_attempt_at
"""

# Without findings, which may be megabytes.
_CHECKS = f"""
SELECT c.check_id, c.file_id, c.file_name, c.version, c.outcome, c.verdict, c.counts, c.checked_at,
       {MAIL_COLUMNS}
FROM checks c LEFT JOIN mails m USING (check_id)
"""  # noqa: S608 - constants only

_REPORT_COLUMNS = """
c.check_id, c.file_id, c.file_name, c.version, c.sha256, c.engine, c.profile, c.started_at,
c.checked_at, c.duration_ms, c.outcome, c.reason, c.verdict, c.counts, c.truncated, c.findings,
c.fixed
"""
_REPORT = f"""
SELECT {_REPORT_COLUMNS}, {MAIL_COLUMNS}
FROM checks c LEFT JOIN mails m USING (check_id)
WHERE c.user_id = :user_id AND c.check_id = :check_id
"""  # noqa: S608 - constants only

_REPORTS = f"""
SELECT {_REPORT_COLUMNS}, {MAIL_COLUMNS}
FROM checks c LEFT JOIN mails m USING (check_id)
WHERE c.user_id = :user_id AND c.check_id = ANY(:ids)
"""  # noqa: S608 - constants only

# The stored size of findings is known without decompressing them.
_SIZES = """
SELECT c.check_id, c.checked_at, pg_column_size(c.findings) + pg_column_size(c.fixed) AS size
FROM checks c
"""
_OWNED_FILE = text("""
SELECT true FROM files WHERE user_id = :user_id AND file_id = :file_id
""")

_NEWEST = Order("c.checked_at", "c.check_id", datetime)


async def checks(
    connection: AsyncConnection,
    user_id: UUID,
    file_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[CheckSummary]:
    """All checks, or those of one file, the last first; deleted files included."""
    where, values = "c.user_id = :user_id", {"user_id": user_id}
    if file_id is not None:
        where, values = where + " AND c.file_id = :file_id", {**values, "file_id": file_id}
    listing = Listing(f"checks {file_id}", _CHECKS, where, values, _NEWEST)
    page = await read_page(connection, listing, cursor, limit)
    return Page([check_summary(row) for row in page.items], page.next_cursor)


async def checks_of_file(
    connection: AsyncConnection, user_id: UUID, file_id: UUID, cursor: str | None, limit: int
) -> Page[CheckSummary]:
    """The checks of a file.

    Raises:
        NotFound: the user has no such file.
    """
    page = await checks(connection, user_id, file_id, cursor, limit)
    if not page.items:
        await _check_owner(connection, user_id, file_id)
    return page


async def _check_owner(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> None:
    """A file may have no checks yet."""
    if not await connection.scalar(_OWNED_FILE, {"user_id": user_id, "file_id": file_id}):
        raise NotFound


async def report(connection: AsyncConnection, user_id: UUID, check_id: UUID) -> Report:
    found = await fetch(connection, _REPORT, {"user_id": user_id, "check_id": check_id})
    if not found:
        raise NotFound
    return _report(found[0])


async def reports(
    connection: AsyncConnection, user_id: UUID, cursor: str | None, limit: int, *, max_bytes: int
) -> Page[Report]:
    """Checks with their findings, the last first; fewer than `limit` where they are large."""
    values = {"user_id": user_id}
    listing = Listing("reports", _SIZES, "c.user_id = :user_id", values, _NEWEST)
    sizes = await read_page(connection, listing, cursor, limit, max_bytes)
    ids = [row["check_id"] for row in sizes.items]
    details = await fetch(connection, _REPORTS, {**values, "ids": ids})
    found = {row["check_id"]: row for row in details}
    return Page([_report(found[one]) for one in ids if one in found], sizes.next_cursor)


def _report(row: Any) -> Report:
    return Report(**{**row, "id": row["check_id"], "mail": _mail(row)})


def check_summary(row: Any) -> CheckSummary:
    return CheckSummary(**{**row, "id": row["check_id"], "mail": _mail(row)})


def _mail(row: Any) -> Mail:
    return Mail(**{name[5:]: value for name, value in row.items() if name.startswith("mail_")})
