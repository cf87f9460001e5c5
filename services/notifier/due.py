"""Mails whose time has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LEASE = timedelta(minutes=3)  # longer than the longest conversation with a mail server

_CLAIM = """
UPDATE mails SET state = 'sending', attempts = attempts + 1, due_at = :until
WHERE mail_id = (
    SELECT mail_id FROM mails WHERE due_at <= :now
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING mail_id, user_id, type, result, queued_at, attempts
"""


@dataclass(frozen=True)
class DueMail:
    """A mail to send now; `attempts` counts this one."""

    mail_id: UUID
    user_id: UUID
    type: str
    result: dict[str, Any]
    queued_at: datetime
    attempts: int


async def claim(connection: AsyncConnection, now: datetime) -> DueMail | None:
    """Take the mail that has waited longest and note the attempt before it is made.

    A copy that dies in the attempt leaves the mail to another one after the lease: with one attempt
    more and the same Message-ID, so the worst is one duplicate, which the log shows.
    """
    row = (await connection.execute(text(_CLAIM), {"now": now, "until": now + LEASE})).first()
    return DueMail(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name


async def put_back(connection: AsyncConnection, mail: DueMail, due_at: datetime) -> None:
    """Undo a claim that did not come to an attempt."""
    await connection.execute(
        text(
            "UPDATE mails SET state = 'queued', attempts = attempts - 1, due_at = :due_at"
            " WHERE mail_id = :mail_id AND state = 'sending'"
        ),
        {"mail_id": mail.mail_id, "due_at": due_at},
    )
