"""A mail for each check."""

from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.mail import MAIL, mail_id_for, queue, stream
from shared.contracts.checker import CheckFailed, FileChecked
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore

_INSERT = """
INSERT INTO mails (mail_id, user_id, check_id, type, result, queued_at, state, due_at)
VALUES (:mail_id, :user_id, :check_id, :type, CAST(:result AS jsonb), :queued_at, 'queued',
        :queued_at)
ON CONFLICT DO NOTHING
"""


def reacting(store: EventStore) -> Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]:
    """The reaction to every event consumed."""
    return partial(_queue_mail, store=store)


async def _queue_mail(
    connection: AsyncConnection, recorded: RecordedEvent, store: EventStore
) -> None:
    event = recorded.event
    assert isinstance(event, FileChecked | CheckFailed)  # noqa: S101 - all we subscribe to
    mail_id = mail_id_for(event.check_id)
    decide = partial(queue, user_id=event.user_id, check_id=event.check_id)
    queued = await execute(connection, store, MAIL, stream(mail_id), decide)
    for email in queued:
        await connection.execute(
            text(_INSERT),
            {
                "mail_id": mail_id,
                "user_id": event.user_id,
                "check_id": event.check_id,
                "type": event.type_name(),
                "result": event.model_dump_json(),
                "queued_at": email.recorded_at,
            },
        )
