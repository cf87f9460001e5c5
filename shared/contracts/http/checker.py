"""The answers of the checker's internal API."""

from datetime import datetime

from pydantic import BaseModel, Field


class Schedule(BaseModel):
    """When files are checked."""

    interval_seconds: float = Field(
        description="seconds between two runs; 0: files are checked immediately"
    )
    next_run_at: datetime | None = None
