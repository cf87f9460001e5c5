"""The mail log: the state of each mail."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections.common import erase_rows, values_of
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
                   reply, reason, next_attempt_at, kind, queued_at)
VALUES (:mail_id, :check_id, :user_id, :sequence, :state, :attempts, :sent_at, :message_id,
        :reply, :reason, :next_attempt_at, :kind, :queued_at)
ON CONFLICT (mail_id) DO UPDATE SET
    sequence = excluded.sequence, state = excluded.state, sent_at = excluded.sent_at,
    attempts = excluded.attempts, message_id = excluded.message_id, reply = excluded.reply,
    reason = excluded.reason, next_attempt_at = excluded.next_attempt_at
WHERE mails.sequence < excluded.sequence
""")

# Columns of the first event of a mail, where a later event came before it.
_SAVE_KIND = text("""
UPDATE mails SET kind = :kind, queued_at = :recorded_at WHERE mail_id = :mail_id AND kind IS NULL
""")

_EMPTY = dict.fromkeys(
    ("sent_at", "message_id", "reply", "reason", "next_attempt_at", "kind", "queued_at")
)


async def _state_changed(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    await execute_each(connection, _SAVE_MAIL, [_values(recorded) for recorded in events])


async def _mail_queued(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    queued = [{**_values(recorded), "queued_at": recorded.recorded_at} for recorded in events]
    for statement in (_SAVE_MAIL, _SAVE_KIND):
        await execute_each(connection, statement, queued)


def _values(recorded: RecordedEvent) -> dict[str, Any]:
    return {"attempts": 0, **_EMPTY, **values_of(recorded), "state": _state(recorded.event)}


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
        EmailHeld: _state_changed,
        EmailSent: _state_changed,
        EmailFailed: _state_changed,
        EmailSuppressed: _state_changed,
        UserErased: erase_rows("mails"),
    },
    any_order=True,
)
