"""The internal API of the checker."""

from typing import Annotated

from fastapi import Depends

from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.http.checker import Schedule
from shared.web.app import provided
from shared.web.identity import User, user_with
from shared.web.routes import Router

router = Router(prefix="/internal")
Reader = Annotated[User, Depends(user_with("checks:read"))]


@router.get("/schedule")
async def schedule(_: Reader, scheduler: Annotated[Scheduler, provided(Scheduler)]) -> Schedule:
    return Schedule(interval_seconds=scheduler.interval, next_run_at=scheduler.next_tick)
