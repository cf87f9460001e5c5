"""Puts the notifier together."""

from collections.abc import Collection

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.adapters.contacts import HttpContacts
from services.notifier.claims import due_mails
from services.notifier.domain.mail import EVENTS
from services.notifier.projections import MAILS
from services.notifier.reactions import preparations, reacting
from services.notifier.sending.sender import Sender
from services.notifier.settings import Settings
from shared.clock import Clock, utc_now
from shared.contracts import UPCASTERS
from shared.coordination.copies import LOOK_INTERVAL, Copy
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

    async def end_claims(connection: AsyncConnection, dead: Collection[int]) -> int:
        return await due_mails.end_claims(connection, dead, clock())

    copy = Copy(database, "mails", end_claims)
    sender = Sender(settings, database, store, HttpContacts(auth), copy, clock)
    return create_service(
        "notifier",
        settings,
        database,
        store,
        [],
        react=reacting(store, clock),
        prepare=preparations(store, clock),
        after_commit=lambda _: copy.doorbell.set(),
        loops=[
            # Closed in this order: the mails in hand are this copy's as long as it has a session.
            Loop(
                "sender",
                sender.step,
                pause=settings.mail_interval,
                doorbell=copy.doorbell,
                stop=sender.stop,
                close=sender.close,
            ),
            Loop("copy", copy.step, pause=LOOK_INTERVAL, close=copy.close),
        ],
        resources=[auth],
    )
