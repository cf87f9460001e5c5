"""Puts files together."""

from datetime import timedelta

from fastapi import FastAPI

from services.files import api
from services.files.comparing import Comparing
from services.files.domain.file import EVENTS
from services.files.limits import Quota
from services.files.projections import PROJECTIONS
from services.files.reactions import preparations, reacting
from services.files.retention import PAUSE, Retention
from services.files.saving import Saving
from services.files.settings import Settings
from services.files.versions import LineCounts
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(settings: Settings, *, clock: Clock = utc_now) -> FastAPI:
    database = Database(settings.database_url.get_secret_value())
    store = EventStore(EventTypes(EVENTS, UPCASTERS), PROJECTIONS)
    allowance = Quota(
        settings.user_files,
        settings.user_bytes,
        settings.uploads_per_minute,
        settings.file_changes,
    )
    kept = timedelta(days=settings.retention_days)
    retention = Retention(database, store, kept=kept, clock=clock)
    comparing = Comparing()
    return create_service(
        "files",
        settings,
        database,
        store,
        [api.router],
        react=reacting(store),
        prepare=preparations(store),
        loops=[Loop("retention", retention.step, pause=PAUSE)],
        provide=[
            Saving(database, store, allowance, clock),
            comparing,
            LineCounts(database, comparing),
            retention,
        ],
    )
