"""The correlation and causation of the current task, for its events and log lines."""

from contextvars import ContextVar
from uuid import UUID

correlation_id: ContextVar[UUID | None] = ContextVar("correlation_id", default=None)
"""The request of a person, or the tick of a clock, that everything goes back to."""

causation_id: ContextVar[UUID | None] = ContextVar("causation_id", default=None)
"""The event that is being reacted to."""
