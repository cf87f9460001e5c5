"""What the five services that own a schema have in common: store, relay, consumer, health."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI

from shared.catch_up.loop import INTERVAL, CatchUp
from shared.catch_up.watermark import DELIVERY_TIME
from shared.contracts import CONSUMED, PUBLISHED, UPCASTERS, bindings, producer_of
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.store import EventStore
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters.erasure import DeadLetterErasure
from shared.messaging.dead_letters.publisher import DeadLetterPublisher
from shared.messaging.message_handler import MessageHandler
from shared.messaging.outbox import set_aside
from shared.messaging.outbox.relay import Relay
from shared.messaging.publisher import Publisher
from shared.messaging.reactions import AfterCommit, React, no_follow_up
from shared.messaging.transient_retry import TransientRetry
from shared.runtime import Loop
from shared.settings import StatefulSettings
from shared.web import event_log, health
from shared.web.app import create_app
from shared.web.client import ServiceClient
from shared.web.identity import Identity
from shared.web.metrics import Measure
from shared.web.producer import Producer

MISSED = ("prereview_events_missed", "Events that never came and were fetched, since the start")
SET_ASIDE = ("prereview_events_set_aside", "Events that could not be published, tried again")


def create_service(
    name: str,
    settings: StatefulSettings,
    database: Database,
    store: EventStore,
    routers: Sequence[APIRouter],
    *,
    react: React | None = None,
    prepare: Mapping[type[Event], Prepare] | None = None,
    after_commit: AfterCommit = no_follow_up,
    loops: Sequence[Loop] = (),
    provide: Sequence[object] = (),
    resources: Sequence[Any] = (),
) -> FastAPI:
    """Build the application of a service that owns a schema.

    `react` is what it does with the events it consumes, those of `shared.contracts.CONSUMED`;
    `prepare` is what is too much for one transaction and goes before it, and `after_commit` is
    called with the events after it.
    """
    amqp_url = settings.amqp_url.get_secret_value()
    checks = {"database": health.database_check(database, name)}
    figures: dict[tuple[str, str], Measure] = {}
    all_loops, all_resources = list(loops), [database, *resources]
    if react is not None:
        consuming = _Consuming(name, settings, database, react, prepare, after_commit)
        checks["consumer"], figures[MISSED] = consuming.check, consuming.missed
        all_loops += consuming.loops
    if PUBLISHED[name]:
        # Its statements are short, but nobody cuts them: the next try would take as long.
        url = settings.database_url.get_secret_value()
        kept = Database(url, pool_size=1, overflow=0, command_timeout=None)
        loop, checks["broker"] = _publishing(name, amqp_url, kept, store)
        checks["outbox"] = health.outbox_check(database)
        figures[SET_ASIDE] = partial(_count_set_aside, database)
        all_loops.append(loop)
        all_resources.append(kept)
    return create_app(
        name,
        settings,
        [*([event_log.router(name)] if PUBLISHED[name] else []), *routers],
        provide=[database, store, *provide],
        loops=all_loops,
        checks=checks,
        figures=figures,
        resources=all_resources,
    )


class _Consuming:
    """What reads the service's queue, and what sees to it that nothing is missed."""

    def __init__(
        self,
        name: str,
        settings: StatefulSettings,
        database: Database,
        react: React,
        prepare: Mapping[type[Event], Prepare] | None,
        after_commit: AfterCommit,
    ) -> None:
        url, keys = settings.amqp_url.get_secret_value(), bindings(name)
        types = EventTypes(CONSUMED[name], UPCASTERS)
        erasure = DeadLetterErasure(name, url, database)
        follow_up = _with_erasure(after_commit, erasure)

        def letters() -> DeadLetterPublisher:
            return DeadLetterPublisher(name, url, database, erasure.request_pass)

        consumer = Consumer(
            name, url, database, types, keys, react, prepare, follow_up, dead_letters=letters()
        )
        retry = TransientRetry(name, lambda: False)  # the next round is soon enough
        handler = MessageHandler(name, database, types, react, retry, letters(), prepare, follow_up)
        self._catch_up = up = CatchUp(
            name,
            url,
            keys,
            database,
            handler,
            _producers(name, settings),
            consumer.unacknowledged_ids,
            delivery_time=DELIVERY_TIME,
        )
        self.loops = [
            Loop("consumer", consumer.step, pause=0.0, close=consumer.close),
            Loop("catch up", up.step, pause=INTERVAL, close=up.close),
            Loop(
                "dead letter erasure",
                erasure.step,
                pause=60.0,
                doorbell=erasure.doorbell,
                close=erasure.close,
            ),
        ]
        self.check = health.broker_check(
            lambda: consumer.is_ready, trouble=lambda: consumer.last_error
        )

    async def missed(self) -> float:
        return self._catch_up.missed


def _with_erasure(after_commit: AfterCommit, erasure: DeadLetterErasure) -> AfterCommit:
    """Once an erasure is committed, dead letters that name the person are deleted, too."""

    def follow_up(events: Sequence[RecordedEvent]) -> None:
        after_commit(events)
        if any(isinstance(recorded.event, UserErased) for recorded in events):
            erasure.request_pass()

    return follow_up


def _producers(name: str, settings: StatefulSettings) -> dict[str, Producer]:
    """Whose events the service reads, each where it listens."""
    identity = Identity.of(name, settings)
    producers = sorted({producer_of(event) for event in CONSUMED[name]})
    return {
        other: Producer(ServiceClient(other, getattr(settings, f"{other}_url"), identity))
        for other in producers
    }


def _publishing(
    name: str, amqp_url: str, database: Database, store: EventStore
) -> tuple[Loop, health.Check]:
    publisher = Publisher(amqp_url, name)
    relay = Relay(name, database, store, publisher)
    loop = Loop("relay", relay.step, doorbell=relay.doorbell, close=relay.close)
    check = health.broker_check(
        lambda: relay.is_healthy, publisher.is_blocked, lambda: relay.last_error
    )
    return loop, check


async def _count_set_aside(database: Database) -> float:
    async with database.transaction() as connection:
        return await set_aside.count(connection)
