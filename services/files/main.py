"""Puts files together."""

from datetime import timedelta

from fastapi import FastAPI

from services.files import api
from services.files.commands.runner import CommandRunner
from services.files.diffs.limiter import DiffLimiter
from services.files.domain.file import EVENTS
from services.files.projections import PROJECTIONS
from services.files.queries.line_counts import LineCounts
from services.files.queries.response_limits import ResponseLimits
from services.files.reactions import preparations, reacting
from services.files.retention import PAUSE, Retention
from services.files.settings import Settings
from services.files.storage.limits import Quota
from services.files.storage.sweep import ContentSweep
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    database: Database | None = None,
    diff_limiter: DiffLimiter | None = None,
    response_limits: ResponseLimits = ResponseLimits(),  # noqa: B008 - it is frozen
) -> FastAPI:
    database = database or Database(settings.database_url.get_secret_value())
    diff_limiter = diff_limiter or DiffLimiter()
    store = EventStore(EventTypes(EVENTS, UPCASTERS), PROJECTIONS)
    retention = Retention(
        database,
        store,
        ContentSweep(database),
        keep_for=timedelta(days=settings.retention_days),
        clock=clock,
    )
    return create_service(
        "files",
        settings,
        database,
        store,
        api.ROUTERS,
        react=reacting(store),
        prepare=preparations(store),
        loops=[Loop("retention", retention.step, pause=PAUSE)],
        provide=[
            CommandRunner(database, store, _quota(settings), clock),
            diff_limiter,
            LineCounts(database, diff_limiter),
            response_limits,
        ],
    )


def _quota(settings: Settings) -> Quota:
    return Quota(
        settings.user_files,
        settings.user_bytes,
        settings.uploads_per_minute,
        settings.file_changes,
    )
