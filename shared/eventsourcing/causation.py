"""Causation: what an event leads to belongs to the event's request and trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared import telemetry
from shared.context import causation_id, correlation_id
from shared.eventsourcing.event import Metadata, RecordedEvent


def caused_by_event(recorded: RecordedEvent) -> Metadata:
    """What led to an event that is appended because of this one."""
    return Metadata(
        correlation_id=recorded.metadata.correlation_id,
        causation_id=recorded.event_id,
        traceparent=recorded.metadata.traceparent,
    )


@contextmanager
def correlation_scope(recorded: RecordedEvent) -> Iterator[None]:
    """Within the block the task works for the event, in a span below that of the event."""
    correlation = correlation_id.set(recorded.metadata.correlation_id)
    causation = causation_id.set(recorded.event_id)
    try:
        name = f"reacts to {recorded.event.type_name()}"
        with telemetry.continued(recorded.metadata.traceparent, name):
            yield
    finally:
        causation_id.reset(causation)
        correlation_id.reset(correlation)
