"""Puts the notifier together."""

from fastapi import FastAPI

from services.notifier.adapters.contacts import Contacts
from services.notifier.domain.mail import EVENTS
from services.notifier.projections import MAILS
from services.notifier.reactions import reacting
from services.notifier.sender import Sender
from services.notifier.settings import Settings
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.runtime import Loop
from shared.service import create_service
from shared.web.client import ServiceClient
from shared.web.identity import Identity


def create_app(settings: Settings, *, clock: Clock = utc_now) -> FastAPI:
    database = Database(settings.database_url.get_secret_value())
    store = EventStore(EventTypes(EVENTS, UPCASTERS), [MAILS])
    auth = ServiceClient("auth", settings.auth_url, Identity.of("notifier", settings))
    sender = Sender(settings, database, store, Contacts(auth), clock)
    return create_service(
        "notifier",
        settings,
        database,
        store,
        [],
        react=reacting(store, clock),
        loops=[Loop("sender", sender.step, pause=settings.mail_interval)],
        resources=[auth],
    )
