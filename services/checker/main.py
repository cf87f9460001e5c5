"""Puts the checker together."""

from fastapi import FastAPI

from services.checker import api
from services.checker.adapters.contents import HttpContents
from services.checker.claims import claiming
from services.checker.domain.checks import EVENTS
from services.checker.linting.ruff import Ruff
from services.checker.reactions import PREPARE, react
from services.checker.results.recorder import Recorder
from services.checker.rules import STANDARD
from services.checker.sandbox.launcher import Launcher
from services.checker.scheduling.check_runner import CheckRunner
from services.checker.scheduling.scheduler import Scheduler
from services.checker.settings import Settings
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.coordination.copies import LOOK_INTERVAL, Copy
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.logging import log
from shared.messaging.reactions import no_follow_up
from shared.runtime import Loop
from shared.service import create_service
from shared.web.client import ServiceClient
from shared.web.identity import Identity

POLL_INTERVAL = 0.5  # seconds, where checks are wanted at once and no doorbell rings


def create_app(settings: Settings, *, ruff: Ruff | None = None, clock: Clock = utc_now) -> FastAPI:
    """Raises `NoIsolation` when isolation is required and this system does not allow it."""
    launcher = Launcher()
    ruff = ruff or Ruff(work_dir=settings.work_dir, launcher=launcher).isolated(
        settings.ruff_isolation
    )
    database = Database(settings.database_url.get_secret_value())
    store = EventStore(EventTypes(EVENTS, UPCASTERS))
    files = ServiceClient("files", settings.files_url, Identity.of("checker", settings))
    copy = Copy(database, "versions", claiming.end_claims)
    recorder = Recorder(database, store, clock)
    scheduler = Scheduler(
        database,
        CheckRunner(database, HttpContents(files), ruff, recorder, STANDARD, clock),
        copy,
        interval=settings.check_interval,
        batch=settings.check_batch,
        clock=clock,
    )
    pause, doorbells = settings.check_interval or POLL_INTERVAL, scheduler.doorbells
    app = create_service(
        "checker",
        settings,
        database,
        store,
        [api.router],
        react=react,
        prepare=PREPARE,
        after_commit=no_follow_up if settings.check_interval else lambda _: copy.doorbell.set(),
        loops=[
            Loop("copy", copy.step, pause=LOOK_INTERVAL, close=copy.close),
            Loop("scheduler", scheduler.step, pause=pause, doorbell=copy.doorbell),
            Loop("large files", scheduler.large_step, pause=pause, doorbell=doorbells["large"]),
            Loop("slow files", scheduler.slow_step, pause=pause, doorbell=doorbells["slow"]),
        ],
        provide=[scheduler],
        resources=[files, launcher],
    )
    log.info("ruff_isolation", **ruff.isolation.report())
    return app
