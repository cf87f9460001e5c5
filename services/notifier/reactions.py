"""Queues a mail for each check and each request of auth; consumes events about users."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import recipients
from services.notifier.domain.mail import MAIL, Mail, mail_id_for, queue, stream, suppressed
from services.notifier.mail.check_result.excerpt import excerpt
from shared.clock import Clock
from shared.contracts.auth import AccountMailRequested, EmailConfirmed, UserErased
from shared.contracts.checker import CheckFailed, FileChecked
from shared.contracts.notifier import MailKind
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.causation import caused_by_event, correlation_scope
from shared.eventsourcing.erasure.erased_users import erased_among
from shared.eventsourcing.erasure.steps import Prepare, Step, preparing, run_steps_in
from shared.eventsourcing.event import Event, RecordedEvent
from shared.eventsourcing.projection import execute_each
from shared.eventsourcing.store import Batch, EventStore
from shared.messaging.reactions import React

_EXISTING_STREAMS = text("""
SELECT DISTINCT stream_id FROM events WHERE stream_id = ANY(:streams)
""")
_INSERT_MAIL = text("""
INSERT INTO mails (mail_id, user_id, kind, check_id, request_id, type, result, queued_at, state,
                   due_at, correlation_id, causation_id, traceparent)
VALUES (:mail_id, :user_id, :kind, :check_id, :request_id, :type, CAST(:result AS jsonb),
        :queued_at, 'queued', :queued_at, :correlation_id, :causation_id, :traceparent)
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class _NewMail:
    """`result` is for a mail about a check; auth gives the rest when the mail is sent."""

    caused_by: RecordedEvent
    mail_id: UUID
    user_id: UUID
    kind: MailKind
    check_id: UUID | None = None
    request_id: UUID | None = None
    result: str = "{}"

    @property
    def stream(self) -> str:
        return stream(self.mail_id)


def _mail(recorded: RecordedEvent) -> _NewMail | None:
    """The mail that is due to the event, if any."""
    match recorded.event:
        case FileChecked() | CheckFailed() as event:
            result = excerpt(event) if isinstance(event, FileChecked) else event
            return _NewMail(
                recorded,
                mail_id_for(event.check_id),
                event.user_id,
                "check_result",
                check_id=event.check_id,
                result=result.model_dump_json(),
            )
        case AccountMailRequested() as event:
            return _NewMail(
                recorded,
                mail_id_for(event.request_id, event.kind),
                event.user_id,
                event.kind,
                request_id=event.request_id,
            )
    return None


def _steps(recorded: RecordedEvent, store: EventStore, clock: Clock) -> Sequence[Step]:
    """What an event about a user does to their mails, however many."""
    event = recorded.event
    assert isinstance(event, EmailConfirmed | UserErased)  # noqa: S101 - callers check it
    if isinstance(event, UserErased):
        return recipients.erasure_steps(store, event.user_id, clock)
    return recipients.confirmation_steps(event.user_id, clock)


def reacting(store: EventStore, clock: Clock) -> React:
    """The reaction to consumed events."""

    async def react(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        await take_append_lock(connection)  # an erasure is consumed either before this or after it
        for recorded in events:
            if isinstance(recorded.event, EmailConfirmed | UserErased):
                with correlation_scope(recorded):
                    await run_steps_in(connection, _steps(recorded, store, clock))
        await _queue(connection, store, list(filter(None, map(_mail, events))))

    return react


def preparations(store: EventStore, clock: Clock) -> Mapping[type[Event], Prepare]:
    """The steps done before the transactions of the reactions."""
    prepare = preparing(partial(_steps, store=store, clock=clock))
    return {EmailConfirmed: prepare, UserErased: prepare}


async def _queue(connection: AsyncConnection, store: EventStore, mails: Sequence[_NewMail]) -> None:
    """Queue each mail once; those of erased users are suppressed at once."""
    first: dict[str, _NewMail] = {}
    for mail in mails:
        first.setdefault(mail.stream, mail)
    values = {"streams": list(first)}
    existing = await connection.scalars(_EXISTING_STREAMS, values) if first else ()
    for stream_id in existing:
        del first[stream_id]
    queued = await store.append_many(connection, [_queued_batch(mail) for mail in first.values()])
    rows = [_row(first[recorded.stream_id], recorded) for recorded in queued]
    await execute_each(connection, _INSERT_MAIL, rows)
    await _suppress_erased(connection, store, first.values())


def _queued_batch(mail: _NewMail) -> Batch:
    events = queue(Mail(), mail.mail_id, mail.user_id, mail.kind, mail.check_id)
    return Batch(mail.stream, 0, events, caused_by_event(mail.caused_by))


def _row(mail: _NewMail, queued: RecordedEvent) -> dict[str, Any]:
    return {
        **vars(mail),
        "type": mail.caused_by.event.type_name(),
        "queued_at": queued.recorded_at,
        **vars(caused_by_event(mail.caused_by)),
        "user_id": mail.user_id,
    }


async def _suppress_erased(
    connection: AsyncConnection, store: EventStore, mails: Collection[_NewMail]
) -> None:
    if not mails:
        return
    erased = await erased_among(connection, {mail.user_id for mail in mails})
    batches = [_suppressed_batch(mail) for mail in mails if mail.user_id in erased]
    await store.append_many(connection, batches)


def _suppressed_batch(mail: _NewMail) -> Batch:
    queued = _queued_batch(mail)
    events = suppressed(MAIL.state(queued.events), "user_unknown")
    return queued._replace(expected_version=len(queued.events), events=events)
