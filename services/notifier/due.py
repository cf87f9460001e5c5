"""Mails whose time has come."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import MailKind

LEASE = timedelta(minutes=3)  # longer than the longest conversation with a mail server

# For a mail about the account somebody waits before a screen; results can wait behind it.
_CLAIM = """
UPDATE mails SET state = 'sending', attempts = attempts + 1, due_at = :until
WHERE mail_id = (
    SELECT mail_id FROM mails WHERE due_at <= :now
    ORDER BY (kind = 'check_result'), due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING mail_id, user_id, kind, request_id, type, result, queued_at, attempts,
          correlation_id, causation_id, traceparent
"""

_PUT_BACK = """
UPDATE mails SET state = :state, attempts = attempts - 1, due_at = :due_at
WHERE mail_id = :mail_id AND state = 'sending' AND attempts = :attempts
"""


@dataclass(frozen=True)
class DueMail:
    """A mail to send now; `attempts` counts this one. `result` is for nobody's eyes but its own."""

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    request_id: UUID | None
    type: str
    result: dict[str, Any] = field(repr=False)
    queued_at: datetime
    attempts: int
    correlation_id: UUID | None
    causation_id: UUID | None
    traceparent: str | None


async def claim(connection: AsyncConnection, now: datetime) -> DueMail | None:
    """Take the mail that has waited longest and note the attempt before it is made.

    A copy that dies in the attempt leaves the mail to another one after the lease: with one attempt
    more and the same Message-ID, so the worst is one duplicate, which the log shows.
    """
    row = (await connection.execute(text(_CLAIM), {"now": now, "until": now + LEASE})).first()
    return DueMail(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name


async def put_back(connection: AsyncConnection, mail: DueMail, due_at: datetime | None) -> bool:
    """Undo a claim that did not come to an attempt; without a time the mail is held.

    False for a copy whose lease has ended: another one may be sending the mail.
    """
    values = {
        "mail_id": mail.mail_id,
        "attempts": mail.attempts,
        "due_at": due_at,
        "state": "queued" if due_at else "held",
    }
    return (await connection.execute(text(_PUT_BACK), values)).rowcount == 1
