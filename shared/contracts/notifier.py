"""What the notifier tells the world: the life of each mail."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.auth import AccountMailKind
from shared.eventsourcing.event import Event, Personal

MailKind = Literal["check_result"] | AccountMailKind
Attempts = Annotated[int, Field(ge=0, description="attempts begun so far")]


class EmailQueued(Event):
    """A mail will be sent."""

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    check_id: UUID | None = None


class EmailHeld(Event):
    """The mail waits until the owner confirms the address."""

    mail_id: UUID
    user_id: UUID
    check_id: UUID | None = None


class EmailSent(Event):
    """The mail server took the mail: it answered 250 after the final dot."""

    mail_id: UUID
    user_id: UUID
    check_id: UUID | None = None
    message_id: str
    attempts: Attempts
    reply: Personal[str]
    sent_at: datetime


class EmailFailed(Event):
    """An attempt failed. `next_attempt_at` empty: there will be no other."""

    mail_id: UUID
    user_id: UUID
    check_id: UUID | None = None
    attempts: Attempts
    reason: Personal[str]
    next_attempt_at: datetime | None = None


class EmailSuppressed(Event):
    """The mail is not sent, for a reason that lies with its reader."""

    mail_id: UUID
    user_id: UUID
    check_id: UUID | None = None
    reason: Literal["user_unknown", "unsubscribed", "expired"]
