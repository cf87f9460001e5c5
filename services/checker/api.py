"""The internal API of the checker."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from services.checker.scheduler import Scheduler
from shared.web.app import provided
from shared.web.identity import User, user_with
from shared.web.routes import Router

router = Router(prefix="/internal")
Reader = Annotated[User, Depends(user_with("checks:read"))]


class Schedule(BaseModel):
    """When files are checked."""

    interval_seconds: float = Field(description="seconds between two runs; 0 = at once")
    next_run_at: datetime


@router.get("/schedule")
async def schedule(_: Reader, scheduler: Annotated[Scheduler, provided(Scheduler)]) -> Schedule:
    return Schedule(interval_seconds=scheduler.interval, next_run_at=scheduler.next_tick)
