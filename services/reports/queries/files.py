"""The list of files, filtered and ordered, and a file of it."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.checks import MAIL_COLUMNS, check_summary
from services.reports.queries.pagination import Listing, Order, Page, fetch, read_page
from shared.contracts.checker import Verdict
from shared.contracts.files import Mark
from shared.contracts.http.reports import CheckState, File
from shared.errors import NotFound

Sort = Literal["-uploaded_at", "uploaded_at", "name", "-name", "size", "-size"]


@dataclass(frozen=True)
class Filters:
    """Which files in which order; without `mark` those that are not deleted.

    `check` and `verdict` are those of the last version; `q` is a part of the name in any case.
    """

    mark: Mark | None = None
    check: CheckState | None = None
    verdict: Verdict | None = None
    q: str | None = None
    sort: Sort = "-uploaded_at"


_SELECT = f"""
SELECT f.file_id, f.name, f.folded, f.version, f.mark, f.state, f.size, f.sha256, f.uploaded_at,
       f.deleted_at, f.deleted AND NOT f.erased AS restorable,
       c.check_id, c.file_name, c.version AS check_version, c.outcome, c.verdict, c.counts,
       c.checked_at, {MAIL_COLUMNS}
FROM files f LEFT JOIN checks c USING (check_id) LEFT JOIN mails m USING (check_id)
"""  # noqa: S608 - constants only

_KEYS = """
SELECT f.file_id FROM files f
"""
_OWN = "f.user_id = :user_id AND f.version > 0"
_MARKS: dict[Mark | None, str] = {
    None: "NOT f.deleted",
    "new": "NOT f.deleted AND f.mark = 'new'",
    "replaced": "NOT f.deleted AND f.mark = 'replaced'",
    "deleted": "f.deleted",
}
_FILE = f"""
{_SELECT} WHERE {_OWN} AND f.file_id = :file_id
"""
_COUNT = """
SELECT count(*) FROM files f
"""
_COUNT_AND_NEWEST = text("""
SELECT count(*) AS files, max(f.uploaded_at) AS newest
FROM files f WHERE f.user_id = :user_id AND f.version > 0 AND NOT f.deleted
""")
_CHECKS: dict[CheckState, str] = {
    "waiting": "f.state = 'waiting'",
    "checked": "f.state IN ('ready', 'not_ready')",
    "failed": "f.state = 'failed'",
}
_VERDICTS: dict[Verdict, str] = {
    "ready": "f.state = 'ready'",
    "not_ready": "f.state = 'not_ready'",
}
_COLUMNS = {
    "uploaded_at": Order("f.uploaded_at", "f.file_id", datetime),
    "name": Order("f.folded", "f.file_id", str),
    "size": Order("f.size", "f.file_id", int),
}


async def files(
    connection: AsyncConnection,
    user_id: UUID,
    filters: Filters,
    cursor: str | None,
    limit: int,
    undeleted: int | None = None,
) -> tuple[Page[File], int]:
    """A page, and how many files there are on all pages.

    `undeleted` is the number of files that are not deleted, if the caller has counted them.
    """
    listing = listing_of(user_id, filters)
    page = await read_page(connection, listing, cursor, limit)
    total = undeleted if filters == Filters(sort=filters.sort) else None
    if total is None:
        count = text(f"{_COUNT} WHERE {listing.where}")
        total = await connection.scalar(count, listing.values) or 0
    return Page([_file(row) for row in page.items], page.next_cursor), total


async def count_and_newest(
    connection: AsyncConnection, user_id: UUID
) -> tuple[int, datetime | None]:
    """How many files are not deleted, and when the newest of their last versions was saved."""
    row = (await connection.execute(_COUNT_AND_NEWEST, {"user_id": user_id})).one()
    return row.files, row.newest


async def file(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> File:
    """A file of the user, also a deleted one."""
    found = await fetch(connection, _FILE, {"user_id": user_id, "file_id": file_id})
    if not found:
        raise NotFound
    return _file(found[0])


def listing_of(user_id: UUID, filters: Filters) -> Listing:
    where = [_OWN, _MARKS[filters.mark]]
    values: dict[str, UUID | str] = {"user_id": user_id}
    if filters.check is not None:
        where.append(_CHECKS[filters.check])
    if filters.verdict is not None:
        where.append(_VERDICTS[filters.verdict])
    if filters.q is not None:
        where.append("strpos(f.folded, :part) > 0")
        values["part"] = unicodedata.normalize("NFC", filters.q).casefold()
    order = _COLUMNS[filters.sort.removeprefix("-")]
    order = order._replace(descending=filters.sort.startswith("-"))
    return Listing(repr(filters), _SELECT, " AND ".join(where), values, order, _KEYS)


def _file(row: RowMapping) -> File:
    last = check_summary({**row, "version": row["check_version"]}) if row["check_id"] else None
    check = row["state"] if row["state"] in {"waiting", "failed"} else "checked"
    return File(**{**row, "id": row["file_id"]}, check=check, last_check=last)
