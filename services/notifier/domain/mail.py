"""A mail: stream `mail-<id>`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.contracts.notifier import (
    EmailFailed,
    EmailHeld,
    EmailQueued,
    EmailSent,
    EmailSuppressed,
    MailKind,
)
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event
from shared.ids import derived_id

EVENTS = (EmailQueued, EmailHeld, EmailSent, EmailFailed, EmailSuppressed)
RETRY_AFTER = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))  # the last one repeats
# A connection that failed is not the mail's fault: another one is tried at once, but not for ever,
# as a server may accept connections and drop them each time.
RECONNECT_AFTER = (timedelta(0), timedelta(seconds=10), *RETRY_AFTER)
GIVE_UP_AFTER = timedelta(hours=48)


@dataclass(frozen=True)
class Mail:
    """What has happened to the mail so far."""

    mail_id: UUID | None = None
    user_id: UUID | None = None
    check_id: UUID | None = None
    held: bool = False
    sent: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Attempt:
    """One attempt to send the mail, whatever came of it."""

    number: int
    queued_at: datetime
    now: datetime


Suppression = Literal["user_unknown", "unsubscribed", "expired"]
Decide = Callable[[Mail], list[Event]]


def evolve(state: Mail, event: Event) -> Mail:
    match event:
        case EmailQueued():
            return Mail(event.mail_id, event.user_id, event.check_id)
        case EmailHeld():
            return replace(state, held=True)
        case EmailSent():
            return replace(state, sent=True, closed=True)
        case EmailSuppressed() | EmailFailed(next_attempt_at=None):
            return replace(state, closed=True)
        case _:
            return state


MAIL = Decider(Mail(), evolve)


def stream(mail_id: UUID) -> str:
    return f"mail-{mail_id}"


def mail_id_for(about: UUID, kind: MailKind = "check_result") -> UUID:
    """One mail per check and per request of auth, however often the event is consumed."""
    return derived_id(kind, about)


def queue(
    state: Mail, mail_id: UUID, user_id: UUID, kind: MailKind, check_id: UUID | None = None
) -> list[Event]:
    if state.mail_id is not None:
        return []
    return [EmailQueued(mail_id=mail_id, user_id=user_id, kind=kind, check_id=check_id)]


def hold(state: Mail) -> list[Event]:
    if state.held or state.closed or state.mail_id is None or state.user_id is None:
        return []
    return [EmailHeld(mail_id=state.mail_id, user_id=state.user_id, check_id=state.check_id)]


def sent(state: Mail, attempt: Attempt, message_id: str, reply: str) -> list[Event]:
    """A mail the server has accepted was sent, even if another copy has given it up."""
    if state.sent or state.mail_id is None or state.user_id is None:
        return []
    return [
        EmailSent(
            mail_id=state.mail_id,
            user_id=state.user_id,
            check_id=state.check_id,
            message_id=message_id,
            attempts=attempt.number,
            reply=reply,
            sent_at=attempt.now,
        )
    ]


def failed(
    state: Mail, attempt: Attempt, reason: str, *, permanent: bool, connection_failed: bool = False
) -> list[Event]:
    """`connection_failed`: none could be opened, or it ended before the content was sent."""
    again = None if permanent else next_attempt(attempt, connection_failed=connection_failed)
    if state.closed or state.mail_id is None or state.user_id is None:
        return []
    return [
        EmailFailed(
            mail_id=state.mail_id,
            user_id=state.user_id,
            check_id=state.check_id,
            attempts=attempt.number,
            reason=reason,
            next_attempt_at=again,
        )
    ]


def suppressed(state: Mail, reason: Suppression) -> list[Event]:
    if state.closed or state.mail_id is None or state.user_id is None:
        return []
    return [
        EmailSuppressed(
            mail_id=state.mail_id, user_id=state.user_id, check_id=state.check_id, reason=reason
        )
    ]


def impersonal(decide: Decide) -> Decide:
    """The same decision without the personal fields, for a user who is erased."""
    return lambda state: [event.model_copy(update=event.blanks()) for event in decide(state)]


def next_attempt(attempt: Attempt, *, connection_failed: bool = False) -> datetime | None:
    """When to try again; None once the mail has waited too long."""
    waits = RECONNECT_AFTER if connection_failed else RETRY_AFTER
    again = attempt.now + waits[min(attempt.number, len(waits)) - 1]
    return again if again - attempt.queued_at <= GIVE_UP_AFTER else None
