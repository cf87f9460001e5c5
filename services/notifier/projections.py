"""What the notifier's own events change in `mails`, the rows that the sender claims."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.notifier import EmailFailed, EmailSent, EmailSuppressed
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each

# A mail that is closed needs its findings no more.
_CLOSE_MAIL = text("""
UPDATE mails SET state = :state, due_at = :due_at, claimed_by = NULL, unfinished = 0,
    accepted = NULL,
    result = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN '{}' ELSE result END
WHERE mail_id = :mail_id
""")


async def _close_mails(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _CLOSE_MAIL, [_values(recorded.event) for recorded in events])


def _values(event: object) -> dict[str, Any]:
    match event:
        case EmailSent():
            return {"state": "sent", "due_at": None, "mail_id": event.mail_id}
        case EmailSuppressed():
            return {"state": "suppressed", "due_at": None, "mail_id": event.mail_id}
        case EmailFailed(next_attempt_at=due):
            state = "queued" if due else "failed"
            return {"state": state, "due_at": due, "mail_id": event.mail_id}
    raise TypeError(event)


MAILS = Projection(
    "mails", ("mails",), dict.fromkeys((EmailSent, EmailFailed, EmailSuppressed), _close_mails)
)
