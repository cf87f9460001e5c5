"""Puts reports together."""

from fastapi import FastAPI

from services.reports import api
from services.reports.feed import Bell
from services.reports.news import Newsreader
from services.reports.reactions import PREPARE, react
from services.reports.settings import Settings
from shared.contracts import published_types
from shared.db import Database
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(settings: Settings) -> FastAPI:
    database = Database(settings.database_url.get_secret_value(), pool_size=10, overflow=20)
    bell = Bell(database)
    return create_service(
        "reports",
        settings,
        database,
        EventStore(published_types("reports")),
        [api.router],
        react=react,
        prepare=PREPARE,
        loops=[Loop("bell", bell.step, pause=5.0, close=bell.close)],
        provide=[bell, Newsreader(database)],
    )
