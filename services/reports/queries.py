"""What can be asked: files, checks, one report. Everything only about the asking user."""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.cursor import Key
from services.reports.views import CheckSummary, FileView, Mail, Report
from shared.errors import NotFound

T = TypeVar("T")

_MAIL = """
coalesce(m.state, 'waiting') AS mail_state, coalesce(m.attempts, 0) AS mail_attempts,
m.sent_at AS mail_sent_at, m.message_id AS mail_message_id, m.reply AS mail_reply,
m.reason AS mail_reason, m.next_attempt_at AS mail_next_attempt_at
"""

_FILES = f"""
SELECT f.file_id, f.name, f.version, f.size, f.sha256, f.uploaded_at,
       c.check_id, c.file_name, c.version AS check_version, c.outcome, c.verdict, c.counts,
       c.checked_at, {_MAIL}
FROM files f
LEFT JOIN LATERAL (
    SELECT check_id, file_name, version, outcome, verdict, counts, checked_at
    FROM checks WHERE file_id = f.file_id ORDER BY version DESC, checked_at DESC LIMIT 1
) c ON true
LEFT JOIN mails m ON m.check_id = c.check_id
WHERE f.user_id = :user_id AND NOT f.deleted AND f.version > 0
"""  # noqa: S608 - constants only

# Without the findings: a list of checks must not read megabytes.
_CHECKS = f"""
SELECT c.check_id, c.file_id, c.file_name, c.version, c.outcome, c.verdict, c.counts, c.checked_at,
       {_MAIL}
FROM checks c LEFT JOIN mails m USING (check_id)
"""  # noqa: S608 - constants only

_REPORT = f"SELECT c.*, {_MAIL} FROM checks c LEFT JOIN mails m USING (check_id)"  # noqa: S608
MAX_CHECKS = 500  # of one file, the last ones


class Page(Generic[T]):
    """A page of a list, and the key of its last item when there may be more."""

    def __init__(self, items: list[T], last: Key | None) -> None:
        self.items, self.last = items, last


async def files(
    connection: AsyncConnection, user_id: UUID, after: Key | None, limit: int
) -> Page[FileView]:
    """Living files, the last saved first."""
    rows = await _rows(
        connection,
        _FILES
        + " AND (f.uploaded_at, f.file_id) < (coalesce(CAST(:moment AS timestamptz), 'infinity'),"
        " coalesce(CAST(:id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
        " ORDER BY f.uploaded_at DESC, f.file_id DESC LIMIT :limit",
        {"user_id": user_id, **_key(after), "limit": limit + 1},
    )
    last = (rows[limit - 1]["uploaded_at"], rows[limit - 1]["file_id"]) if rows[limit:] else None
    return Page([_file(row) for row in rows[:limit]], last)


async def file(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> FileView:
    rows = await _rows(
        connection,
        _FILES + " AND f.file_id = :file_id",
        {"user_id": user_id, "file_id": file_id},
    )
    if not rows:
        raise NotFound
    return _file(rows[0])


async def checks(
    connection: AsyncConnection, user_id: UUID, after: Key | None, limit: int
) -> Page[CheckSummary]:
    """The log of all checks, also of deleted files, the last first."""
    rows = await _rows(
        connection,
        _CHECKS + " WHERE c.user_id = :user_id AND (c.checked_at, c.check_id)"
        " < (coalesce(CAST(:moment AS timestamptz), 'infinity'),"
        " coalesce(CAST(:id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
        " ORDER BY c.checked_at DESC, c.check_id DESC LIMIT :limit",
        {"user_id": user_id, **_key(after), "limit": limit + 1},
    )
    last = (rows[limit - 1]["checked_at"], rows[limit - 1]["check_id"]) if rows[limit:] else None
    return Page([_summary(row) for row in rows[:limit]], last)


async def checks_of_file(
    connection: AsyncConnection, user_id: UUID, file_id: UUID
) -> list[CheckSummary]:
    rows = await _rows(
        connection,
        _CHECKS + " WHERE c.user_id = :user_id AND c.file_id = :file_id"
        " ORDER BY c.version DESC, c.checked_at DESC LIMIT :limit",
        {"user_id": user_id, "file_id": file_id, "limit": MAX_CHECKS},
    )
    if not rows:
        await _check_owner(connection, user_id, file_id)
    return [_summary(row) for row in rows]


async def _check_owner(connection: AsyncConnection, user_id: UUID, file_id: UUID) -> None:
    """A file without checks yet, also a deleted one, is still somebody's."""
    known = await connection.scalar(
        text("SELECT true FROM files WHERE user_id = :user_id AND file_id = :file_id"),
        {"user_id": user_id, "file_id": file_id},
    )
    if not known:
        raise NotFound


async def report(connection: AsyncConnection, user_id: UUID, check_id: UUID) -> Report:
    rows = await _rows(
        connection,
        _REPORT + " WHERE c.user_id = :user_id AND c.check_id = :check_id",
        {"user_id": user_id, "check_id": check_id},
    )
    if not rows:
        raise NotFound
    return Report(**{**rows[0], "id": rows[0]["check_id"], "mail": _mail(rows[0])})


async def _rows(
    connection: AsyncConnection, query: str, values: dict[str, Any]
) -> list[RowMapping]:
    return list((await connection.execute(text(query), values)).mappings())


def _key(after: Key | None) -> dict[str, datetime | UUID | None]:
    moment, ident = after or (None, None)
    return {"moment": moment, "id": ident}


def _file(row: RowMapping) -> FileView:
    checked = row["check_id"] is not None and row["check_version"] == row["version"]
    state = ("failed" if row["outcome"] == "failed" else "checked") if checked else "waiting"
    last = _summary({**row, "version": row["check_version"]}) if row["check_id"] else None
    return FileView(
        **{**row, "id": row["file_id"]},
        mark="new" if row["version"] == 1 else "replaced",
        check=state,
        last_check=last,
    )


def _summary(row: Any) -> CheckSummary:
    return CheckSummary(**{**row, "id": row["check_id"], "mail": _mail(row)})


def _mail(row: Any) -> Mail:
    return Mail(**{name[5:]: value for name, value in row.items() if name.startswith("mail_")})
