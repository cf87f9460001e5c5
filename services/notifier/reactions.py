"""A mail for each check and for each request of auth's; what news about a person means for them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import people
from services.notifier.domain.mail import MAIL, mail_id_for, queue, stream, suppressed
from shared.clock import Clock
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.notifier import MailKind
from shared.eventsourcing.erasure import is_erased
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.steps import Prepare, Step, at_once, preparing
from shared.eventsourcing.store import EventStore

Reaction = Callable[[AsyncConnection, RecordedEvent, EventStore, Clock], Awaitable[None]]

_INSERT = """
INSERT INTO mails (mail_id, user_id, kind, check_id, request_id, type, result, queued_at, state,
                   due_at, correlation_id, causation_id, traceparent)
VALUES (:mail_id, :user_id, :kind, :check_id, :request_id, :type, CAST(:result AS jsonb),
        :queued_at, 'queued', :queued_at, :correlation_id, :causation_id, :traceparent)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class _NewMail:
    """`result` is what a mail about a check tells; auth is asked for the rest when it is sent."""

    user_id: UUID
    kind: MailKind
    check_id: UUID | None = None
    request_id: UUID | None = None
    result: str = "{}"


async def _on_check(
    connection: AsyncConnection, recorded: RecordedEvent, store: EventStore, _: Clock
) -> None:
    event = recorded.event
    assert isinstance(event, FileChecked | CheckFailed)  # noqa: S101 - the table below says so
    mail = _NewMail(
        event.user_id, "check_result", check_id=event.check_id, result=event.model_dump_json()
    )
    await _queue(connection, recorded, store, mail, mail_id_for(event.check_id))


async def _on_request(
    connection: AsyncConnection, recorded: RecordedEvent, store: EventStore, _: Clock
) -> None:
    event = recorded.event
    assert isinstance(event, AccountMailRequested)  # noqa: S101
    mail = _NewMail(event.user_id, event.kind, request_id=event.request_id)
    await _queue(connection, recorded, store, mail, mail_id_for(event.request_id, event.kind))


async def _on_news(
    connection: AsyncConnection, recorded: RecordedEvent, store: EventStore, clock: Clock
) -> None:
    await at_once(connection, _steps(recorded, store, clock))


def _steps(recorded: RecordedEvent, store: EventStore, clock: Clock) -> Sequence[Step]:
    """What news about a person mean for their mails, however many."""
    event = recorded.event
    assert isinstance(event, EmailConfirmed | UserErased)  # noqa: S101 - the table below says so
    if isinstance(event, UserErased):
        return people.forgetting(store, event.user_id, clock)
    return people.confirming(event.user_id, clock)


REACTIONS: Mapping[type[Event], Reaction] = {
    FileChecked: _on_check,
    CheckFailed: _on_check,
    AccountMailRequested: _on_request,
    EmailConfirmed: _on_news,
    UserErased: _on_news,
}


def reacting(
    store: EventStore, clock: Clock
) -> Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]:
    """The reaction to every event consumed."""

    async def react(connection: AsyncConnection, recorded: RecordedEvent) -> None:
        await REACTIONS[type(recorded.event)](connection, recorded, store, clock)

    return react


def preparations(store: EventStore, clock: Clock) -> Mapping[type[Event], Prepare]:
    """What goes before the transactions of the reactions."""
    prepare = preparing(partial(_steps, store=store, clock=clock))
    return {EmailConfirmed: prepare, UserErased: prepare}


async def _queue(
    connection: AsyncConnection,
    recorded: RecordedEvent,
    store: EventStore,
    mail: _NewMail,
    mail_id: UUID,
) -> None:
    """Queue the mail once; for a person who is to be forgotten it ends where it begins."""
    await take_append_lock(connection)  # an erasure is noted either before this or after it
    decide = partial(
        queue, mail_id=mail_id, user_id=mail.user_id, kind=mail.kind, check_id=mail.check_id
    )
    for queued in await execute(connection, store, MAIL, stream(mail_id), decide):
        values = {
            **vars(mail),
            "mail_id": mail_id,
            "type": recorded.event.type_name(),
            "queued_at": queued.recorded_at,
            "correlation_id": recorded.metadata.correlation_id,
            "causation_id": recorded.event_id,
            "traceparent": recorded.metadata.traceparent,
        }
        await connection.execute(text(_INSERT), values)
        if await is_erased(connection, mail.user_id):
            end = partial(suppressed, reason="user_unknown")
            await execute(connection, store, MAIL, stream(mail_id), end)
