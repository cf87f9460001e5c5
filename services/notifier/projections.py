"""What the notifier's own events change in `mails`, the sender's list of work."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import EmailFailed, EmailSent, EmailSuppressed
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection

# A mail that is settled needs its findings no more.
_SETTLE = """
UPDATE mails SET state = :state, due_at = :due_at, claimed_by = NULL, unfinished = 0,
    taken = NULL,
    result = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN '{}' ELSE result END
WHERE mail_id = :mail_id
"""


async def _sent(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = {"state": "sent", "due_at": None, **vars(recorded.event)}
    await connection.execute(text(_SETTLE), values)


async def _failed(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, EmailFailed)  # noqa: S101 - the table of handlers says so
    due = event.next_attempt_at
    values = {"state": "queued" if due else "failed", "due_at": due, "mail_id": event.mail_id}
    await connection.execute(text(_SETTLE), values)


async def _suppressed(connection: AsyncConnection, recorded: RecordedEvent) -> None:
    values = {"state": "suppressed", "due_at": None, **vars(recorded.event)}
    await connection.execute(text(_SETTLE), values)


MAILS = Projection(
    "mails", ("mails",), {EmailSent: _sent, EmailFailed: _failed, EmailSuppressed: _suppressed}
)
