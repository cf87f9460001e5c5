"""Outcomes of mails: what is decided about one when its claim ends, and which request caused it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from traceback import format_tb

from services.notifier.claims.due_mails import AcceptedMail, DueMail
from services.notifier.domain.mail import Attempt, Decide, failed, sent
from services.notifier.smtp.failures import TemporaryFailure, without_recipient
from shared import telemetry
from shared.eventsourcing.event import Metadata
from shared.logging import log

INTERNAL_ERROR = "something went wrong on our side"


@dataclass(frozen=True)
class DeliveryOutcome:
    """A decision to record. With `accepted` the mail server has taken the mail."""

    mail: DueMail
    decide: Decide
    caused_by: Metadata
    accepted: AcceptedMail | None = None


def outcome_of(mail: DueMail, decide: Decide) -> DeliveryOutcome:
    """Any outcome but that the server has accepted the mail."""
    return DeliveryOutcome(mail, decide, _caused_by(mail))


def accepted_outcome(mail: DueMail, accepted: AcceptedMail, reply: str = "") -> DeliveryOutcome:
    """The server has accepted the mail, which is recorded even when the claim has ended."""
    attempt = Attempt(accepted.attempts, mail.queued_at, accepted.sent_at)
    decide = partial(sent, attempt=attempt, message_id=accepted.message_id, reply=reply)
    return DeliveryOutcome(mail, decide, _caused_by(mail), accepted)


def not_sent_outcome(
    mail: DueMail, email: str, failure: Exception, now: datetime, *, permanent: bool
) -> DeliveryOutcome:
    """The mail server did not accept the mail, or it could not be composed."""
    temporary = failure if isinstance(failure, TemporaryFailure) else None
    log.warning(
        "mail_not_sent",
        mail_id=str(mail.mail_id),
        attempts=mail.attempts,
        permanent=permanent,
        ambiguous=temporary is not None and temporary.ambiguous,
        cause=type(failure.__cause__ or failure).__name__,
    )
    reason = without_recipient(str(failure), email)
    connection_failed = temporary is not None and temporary.connection_failed
    return _failed(mail, reason, now, permanent=permanent, connection_failed=connection_failed)


def internal_error_outcome(mail: DueMail, error: Exception, now: datetime) -> DeliveryOutcome:
    """Logs where the error was raised, not its message, which may repeat what is in the mail."""
    log.error(
        "mail_internal_error",
        mail_id=str(mail.mail_id),
        attempts=mail.attempts,
        cause=type(error).__name__,
        trace="".join(format_tb(error.__traceback__)),
    )
    return _failed(mail, INTERNAL_ERROR, now, permanent=False)


def given_up_outcome(mail: DueMail, now: datetime) -> DeliveryOutcome:
    """Too many copies have died while they sent the mail."""
    return _failed(mail, INTERNAL_ERROR, now, permanent=True)


def _failed(
    mail: DueMail, reason: str, now: datetime, *, permanent: bool, connection_failed: bool = False
) -> DeliveryOutcome:
    attempt = Attempt(mail.attempts, mail.queued_at, now)
    decide = partial(
        failed,
        attempt=attempt,
        reason=reason,
        permanent=permanent,
        connection_failed=connection_failed,
    )
    return outcome_of(mail, decide)


def _caused_by(mail: DueMail) -> Metadata:
    return Metadata(
        correlation_id=mail.correlation_id,
        causation_id=mail.causation_id,
        traceparent=telemetry.traceparent(),
    )
