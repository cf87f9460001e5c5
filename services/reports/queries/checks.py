"""The log of checks, and each of them in full."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.pages import Listing, Order, Page, read, rows
from shared.contracts.http.reports import CheckSummary, Mail, Report
from shared.errors import NotFound

MAIL = """
coalesce(m.state, 'waiting') AS mail_state, coalesce(m.attempts, 0) AS mail_attempts,
m.sent_at AS mail_sent_at, m.message_id AS mail_message_id, m.reply AS mail_reply,
m.reason AS mail_reason, m.next_attempt_at AS mail_next_attempt_at
"""

# Without the findings: a list of checks must not read megabytes.
_CHECKS = f"""
SELECT c.check_id, c.file_id, c.file_name, c.version, c.outcome, c.verdict, c.counts, c.checked_at,
       {MAIL}
FROM checks c LEFT JOIN mails m USING (check_id)
"""  # noqa: S608 - constants only

_REPORT = f"""
SELECT c.*, {MAIL}
FROM checks c LEFT JOIN mails m USING (check_id)
WHERE c.user_id = :user_id AND c.check_id = :check_id
"""  # noqa: S608 - constants only

_REPORTS = f"""
SELECT c.*, {MAIL}
FROM checks c LEFT JOIN mails m USING (check_id)
WHERE c.user_id = :user_id AND c.check_id = ANY(:ids)
"""  # noqa: S608 - constants only

# What findings take up as they are stored, which is told without unpacking them.
_SIZES = """
SELECT c.check_id, c.checked_at, pg_column_size(c.findings) + pg_column_size(c.fixed) AS size
FROM checks c
"""
_OWNED_FILE = text("""
SELECT true FROM files WHERE user_id = :user_id AND file_id = :file_id
""")

REPORTS_BYTES = 256 * 1024  # of findings, as stored, in a page of reports beyond its first one
_NEWEST = Order("c.checked_at", "c.check_id", datetime)


async def checks(
    connection: AsyncConnection,
    user_id: UUID,
    file_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Page[CheckSummary]:
    """The log of all checks or of one file's, also of deleted files, the last first."""
    where, values = "c.user_id = :user_id", {"user_id": user_id}
    if file_id is not None:
        where, values = where + " AND c.file_id = :file_id", {**values, "file_id": file_id}
    listing = Listing(f"checks {file_id}", _CHECKS, where, values, _NEWEST)
    page = await read(connection, listing, cursor, limit)
    return Page([summary(row) for row in page.items], page.next_cursor)


async def checks_of_file(
    connection: AsyncConnection, user_id: UUID, file_id: UUID, cursor: str | None, limit: int
) -> Page[CheckSummary]:
    """Like `checks`; raises `NotFound` where the file is not the user's."""
    page = await checks(connection, user_id, file_id, cursor, limit)
    if not page.items:
        await _check_owner(connection, user_id, file_id)
    return page


async def _check_owner(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> None:
    """A file without checks yet, also a deleted one, is still somebody's."""
    if not await connection.scalar(_OWNED_FILE, {"user_id": user_id, "file_id": file_id}):
        raise NotFound


async def report(connection: AsyncConnection, user_id: UUID, check_id: UUID) -> Report:
    found = await rows(connection, _REPORT, {"user_id": user_id, "check_id": check_id})
    if not found:
        raise NotFound
    return _report(found[0])


async def reports(
    connection: AsyncConnection, user_id: UUID, cursor: str | None, limit: int
) -> Page[Report]:
    """All checks in full, the last first; fewer than `limit` where they are large."""
    values = {"user_id": user_id}
    listing = Listing("reports", _SIZES, "c.user_id = :user_id", values, _NEWEST)
    sizes = await read(connection, listing, cursor, limit, REPORTS_BYTES)
    ids = [row["check_id"] for row in sizes.items]
    details = await rows(connection, _REPORTS, {**values, "ids": ids})
    found = {row["check_id"]: row for row in details}
    return Page([_report(found[one]) for one in ids if one in found], sizes.next_cursor)


def _report(row: Any) -> Report:
    return Report(**{**row, "id": row["check_id"], "mail": _mail(row)})


def summary(row: Any) -> CheckSummary:
    return CheckSummary(**{**row, "id": row["check_id"], "mail": _mail(row)})


def _mail(row: Any) -> Mail:
    return Mail(**{name[5:]: value for name, value in row.items() if name.startswith("mail_")})
