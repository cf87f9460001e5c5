"""The mail log: the truth about each mail."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import facts, forget_in
from shared.contracts.auth import UserErased
from shared.contracts.notifier import (
    EmailFailed,
    EmailHeld,
    EmailQueued,
    EmailSent,
    EmailSuppressed,
)
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection, execute_each

_SAVE_MAIL = text("""
INSERT INTO mails (mail_id, check_id, user_id, sequence, state, attempts, sent_at, message_id,
                   reply, reason, next_attempt_at)
VALUES (:mail_id, :check_id, :user_id, :sequence, :state, :attempts, :sent_at, :message_id,
        :reply, :reason, :next_attempt_at)
ON CONFLICT (mail_id) DO UPDATE SET
    sequence = excluded.sequence, state = excluded.state, sent_at = excluded.sent_at,
    attempts = excluded.attempts, message_id = excluded.message_id, reply = excluded.reply,
    reason = excluded.reason, next_attempt_at = excluded.next_attempt_at
WHERE mails.sequence < excluded.sequence
""")

_SAVE_KIND = text("""
UPDATE mails SET kind = :kind, queued_at = least(queued_at, :recorded_at) WHERE mail_id = :mail_id
""")


async def _mail(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    unset = dict.fromkeys(("sent_at", "message_id", "reply", "reason", "next_attempt_at"))
    mails = [
        {"attempts": 0, **unset, **facts(recorded), "state": _state(recorded.event)}
        for recorded in events
    ]
    await execute_each(connection, _SAVE_MAIL, mails)


async def _mail_queued(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await _mail(connection, events)
    await execute_each(connection, _SAVE_KIND, [facts(recorded) for recorded in events])


def _state(event: object) -> str:
    match event:
        case EmailHeld():
            return "held"
        case EmailSent():
            return "sent"
        case EmailSuppressed():
            return "suppressed"
        case EmailFailed(next_attempt_at=None):
            return "failed"
        case _:
            return "queued"


MAILS = Projection(
    "mails",
    ("mails",),
    {
        EmailQueued: _mail_queued,
        EmailHeld: _mail,
        EmailSent: _mail,
        EmailFailed: _mail,
        EmailSuppressed: _mail,
        UserErased: forget_in("mails"),
    },
    any_order=True,
)
