"""What is said of a mail that was not sent, by whose fault ever."""

from datetime import datetime
from functools import partial
from traceback import format_tb

from services.notifier.claims.due_mails import DueMail
from services.notifier.domain.mail import Attempt, failed
from services.notifier.recording.recorder import Outcome, outcome
from services.notifier.smtp.failures import TemporaryFailure, without_recipient
from shared.logging import log

OUR_FAULT = "something went wrong on our side"


def not_sent(
    mail: DueMail, email: str, failure: Exception, now: datetime, *, permanent: bool
) -> Outcome:
    """The mail server did not take it, or it is not fit to be sent."""
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
    return _outcome(mail, reason, now, permanent=permanent, connection_failed=connection_failed)


def broken(mail: DueMail, failure: Exception, now: datetime) -> Outcome:
    """Say where a fault of ours lies, not what it says: that may repeat what is in the mail."""
    log.error(
        "mail_broken",
        mail_id=str(mail.mail_id),
        attempts=mail.attempts,
        cause=type(failure).__name__,
        trace="".join(format_tb(failure.__traceback__)),
    )
    return _outcome(mail, OUR_FAULT, now, permanent=False)


def given_up(mail: DueMail, now: datetime) -> Outcome:
    """Too many copies have died while they sent it."""
    return _outcome(mail, OUR_FAULT, now, permanent=True)


def _outcome(
    mail: DueMail, reason: str, now: datetime, *, permanent: bool, connection_failed: bool = False
) -> Outcome:
    attempt = Attempt(mail.attempts, mail.queued_at, now)
    decide = partial(
        failed,
        attempt=attempt,
        reason=reason,
        permanent=permanent,
        connection_failed=connection_failed,
    )
    return outcome(mail, decide)
