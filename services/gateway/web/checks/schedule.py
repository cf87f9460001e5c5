"""The time until the next run of checks."""

from datetime import datetime
from math import ceil

from services.gateway.clients import CheckerClient
from shared.clock import utc_now
from shared.web.identity import User


async def seconds_to_next_run(checker: CheckerClient, user: User) -> int | None:
    """None if unknown, 0 if the run is due."""
    schedule = await checker.schedule_if_quick(user)
    return _until(schedule.next_run_at) if schedule and schedule.next_run_at else None


def _until(moment: datetime) -> int:
    return max(0, ceil((moment - utc_now()).total_seconds()))
