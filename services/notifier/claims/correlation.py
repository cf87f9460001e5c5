"""Logs, calls and events about a mail belong to the request that caused the mail."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.notifier.claims.due_mails import DueMail
from shared import telemetry
from shared.context import causation_id, correlation_id


@contextmanager
def correlation_scope(mail: DueMail) -> Iterator[None]:
    """Set the correlation, causation and trace of the event that caused the mail."""
    correlation = correlation_id.set(mail.correlation_id)
    causation = causation_id.set(mail.causation_id)
    try:
        with telemetry.continued(mail.traceparent, f"notifier sends {mail.kind}"):
            yield
    finally:
        causation_id.reset(causation)
        correlation_id.reset(correlation)
