"""Puts reports together."""

from fastapi import FastAPI

from services.reports import api
from services.reports.feed.reader import FeedReader
from services.reports.journal_listener import JournalListener
from services.reports.queries.response_limits import ResponseLimits
from services.reports.reactions import PREPARE, react
from services.reports.settings import Settings
from shared.contracts import published_types
from shared.db import Database
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service


def create_app(
    settings: Settings,
    *,
    response_limits: ResponseLimits = ResponseLimits(),  # noqa: B008 - it is frozen
) -> FastAPI:
    database = Database(settings.database_url.get_secret_value(), pool_size=10, overflow=20)
    listener = JournalListener(database)
    return create_service(
        "reports",
        settings,
        database,
        EventStore(published_types("reports")),
        api.ROUTERS,
        react=react,
        prepare=PREPARE,
        loops=[Loop("journal listener", listener.step, pause=5.0, close=listener.close)],
        provide=[listener, FeedReader(database), response_limits],
    )
