"""Puts files together."""

from fastapi import FastAPI

from services.files import api
from services.files.domain.file import EVENTS
from services.files.projections import PROJECTIONS
from services.files.settings import Settings
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.service import create_service


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "files",
        settings,
        Database(settings.database_url.get_secret_value()),
        EventStore(EventTypes(EVENTS, UPCASTERS), PROJECTIONS),
        [api.router],
    )
