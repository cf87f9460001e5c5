"""Puts the notifier together."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.adapters.contacts import HttpContacts
from services.notifier.claims import claiming
from services.notifier.domain.contacts import Contacts
from services.notifier.domain.mail import EVENTS
from services.notifier.mail.address import parse_mailbox
from services.notifier.projections import MAILS
from services.notifier.reactions import preparations, reacting
from services.notifier.recording.outcome_buffer import OutcomeBuffer
from services.notifier.recording.recorder import Recorder
from services.notifier.sending.composing import Compose, Composer
from services.notifier.sending.delivery import Deliverer
from services.notifier.sending.preparation import FRESH_SECONDS, Preparer
from services.notifier.sending.sender import Sender
from services.notifier.settings import Settings
from services.notifier.smtp.connecting import connect
from services.notifier.smtp.connection import ConnectionLimits
from services.notifier.smtp.connector import HANG_SECONDS
from services.notifier.smtp.pool import IDLE_SECONDS, ConnectionPool
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

S = TypeVar("S", bound=Sender)


@dataclass(frozen=True)
class SenderLimits:
    """The limits of a sender that no setting changes, in seconds but for the connection's."""

    fresh: float = FRESH_SECONDS
    idle: float = IDLE_SECONDS
    hang: float = HANG_SECONDS
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)


def create_app(settings: Settings, *, clock: Clock = utc_now) -> FastAPI:
    database = Database(settings.database_url.get_secret_value())
    store = EventStore(EventTypes(EVENTS, UPCASTERS), [MAILS])
    auth = ServiceClient("auth", settings.auth_url, Identity.of("notifier", settings))

    async def end_claims(connection: AsyncConnection, dead: Collection[int]) -> int:
        return await claiming.end_claims(connection, dead, clock())

    copy = Copy(database, "mails", end_claims)
    recorder = Recorder(database, store, clock)
    sender = create_sender(
        Sender, settings, database, store, HttpContacts(auth), recorder, copy, clock
    )
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


def create_sender(
    kind: type[S],
    settings: Settings,
    database: Database,
    store: EventStore,
    contacts: Contacts,
    recorder: Recorder,
    copy: Copy,
    clock: Clock,
    *,
    limits: SenderLimits | None = None,
    compose: Compose | None = None,
) -> S:
    limits = limits or SenderLimits()
    helo, server = parse_mailbox(settings.mail_from).domain, settings.smtp_server()
    pool = ConnectionPool(
        partial(connect, server, helo, limits=limits.connection),
        settings.mail_connections,
        copy.doorbell.set,
        idle_seconds=limits.idle,
        hang_seconds=limits.hang,
    )
    preparer = Preparer(database, store, contacts, clock, fresh_seconds=limits.fresh)
    compose = compose or Composer(settings.mail_from, settings.public_url).compose
    return kind(
        database,
        copy,
        pool,
        preparer,
        Deliverer(pool, preparer, compose, clock),
        OutcomeBuffer(recorder, (settings.mails_in_hand + 1) // 2),
        clock,
        max_in_hand=settings.mails_in_hand,
    )
