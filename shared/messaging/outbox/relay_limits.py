"""The limits of a relay."""

from dataclasses import dataclass

from shared.eventsourcing.scans import SCAN_ROWS
from shared.messaging.batches import BATCH_EVENTS
from shared.messaging.outbox.set_aside import RETRY_SCHEDULE, RetrySchedule

PAGE = BATCH_EVENTS  # events, and no more bytes than `pages.PAGE_BYTES`
RETRY_POLL_INTERVAL = 1.0  # seconds between two looks for events set aside that are due
# Seconds after which Postgres ends the session of a leader that says nothing: it is frozen.
IDLE_SESSION_TIMEOUT = 20.0


@dataclass(frozen=True)
class RelayLimits:
    """What bounds a relay: events in a page, rows looked at for them, and seconds."""

    page: int = PAGE
    scan_rows: int = SCAN_ROWS
    idle_session_timeout: float = IDLE_SESSION_TIMEOUT
    retry_poll_interval: float = RETRY_POLL_INTERVAL
    retry_schedule: RetrySchedule = RETRY_SCHEDULE


RELAY_LIMITS = RelayLimits()
