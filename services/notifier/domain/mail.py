"""A mail: stream `mail-<id>`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent, EmailSuppressed
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event
from shared.ids import derived_id

EVENTS = (EmailQueued, EmailSent, EmailFailed, EmailSuppressed)
RETRY_AFTER = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))  # the last one repeats
GIVE_UP_AFTER = timedelta(hours=48)


@dataclass(frozen=True)
class Mail:
    """What has happened to the mail so far."""

    mail_id: UUID | None = None
    user_id: UUID | None = None
    check_id: UUID | None = None
    closed: bool = False


@dataclass(frozen=True)
class Attempt:
    """A try that the server has answered, or not."""

    number: int
    queued_at: datetime
    now: datetime


def evolve(state: Mail, event: Event) -> Mail:
    match event:
        case EmailQueued():
            return Mail(event.mail_id, event.user_id, event.check_id)
        case EmailSent() | EmailSuppressed() | EmailFailed(next_attempt_at=None):
            return replace(state, closed=True)
        case _:
            return state


MAIL = Decider(Mail(), evolve)


def stream(mail_id: UUID) -> str:
    return f"mail-{mail_id}"


def mail_id_for(check_id: UUID) -> UUID:
    """One mail per check, however often its event comes."""
    return derived_id("check_result", check_id)


def queue(state: Mail, user_id: UUID, check_id: UUID) -> list[Event]:
    if state.mail_id is not None:
        return []
    mail_id = mail_id_for(check_id)
    return [EmailQueued(mail_id=mail_id, user_id=user_id, kind="check_result", check_id=check_id)]


def sent(state: Mail, attempt: Attempt, message_id: str, reply: str) -> list[Event]:
    if state.closed or state.mail_id is None or state.user_id is None:
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


def failed(state: Mail, attempt: Attempt, reason: str, *, permanent: bool) -> list[Event]:
    if state.closed or state.mail_id is None or state.user_id is None:
        return []
    return [
        EmailFailed(
            mail_id=state.mail_id,
            user_id=state.user_id,
            check_id=state.check_id,
            attempts=attempt.number,
            reason=reason,
            next_attempt_at=None if permanent else next_attempt(attempt),
        )
    ]


def suppressed(state: Mail, reason: Literal["user_unknown", "unsubscribed"]) -> list[Event]:
    if state.closed or state.mail_id is None or state.user_id is None:
        return []
    return [
        EmailSuppressed(
            mail_id=state.mail_id, user_id=state.user_id, check_id=state.check_id, reason=reason
        )
    ]


def next_attempt(attempt: Attempt) -> datetime | None:
    """When to try again; None once the mail has waited too long."""
    again = attempt.now + RETRY_AFTER[min(attempt.number, len(RETRY_AFTER)) - 1]
    return again if again - attempt.queued_at <= GIVE_UP_AFTER else None
