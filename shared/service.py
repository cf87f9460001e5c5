"""What the five services that own a schema have in common: store, relay, consumer, health."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from shared.contracts import CONSUMED, PUBLISHED, UPCASTERS, bindings
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.relay import Relay
from shared.eventsourcing.store import EventStore
from shared.messaging.consumer import Consumer, React
from shared.messaging.publisher import Publisher
from shared.runtime import Loop
from shared.settings import StatefulSettings
from shared.web import event_log, health
from shared.web.app import create_app


def create_service(
    name: str,
    settings: StatefulSettings,
    database: Database,
    store: EventStore,
    routers: Sequence[APIRouter],
    *,
    react: React | None = None,
    loops: Sequence[Loop] = (),
    provide: Sequence[object] = (),
    resources: Sequence[Any] = (),
) -> FastAPI:
    """Build the application of a service that owns a schema.

    `react` is what it does with each event it consumes, those of `shared.contracts.CONSUMED`.
    """
    amqp_url = settings.amqp_url.get_secret_value()
    checks = {"database": health.database_check(database, name)}
    all_loops = list(loops)
    if react is not None:
        consumer = Consumer(
            name,
            amqp_url,
            database,
            EventTypes(CONSUMED[name], UPCASTERS),
            bindings(name),
            react,
        )
        all_loops.append(Loop("consumer", consumer.step, pause=0.0, close=consumer.close))
        checks["consumer"] = health.broker_check(lambda: consumer.is_ready)
    if PUBLISHED[name]:
        relay = Relay(name, database, store, Publisher(amqp_url, name))
        all_loops.append(Loop("relay", relay.step, doorbell=relay.doorbell, close=relay.close))
        checks["broker"] = health.broker_check(lambda: relay.is_well)
    return create_app(
        name,
        settings,
        [event_log.router(name), *routers],
        provide=[database, store, *provide],
        loops=all_loops,
        checks=checks,
        resources=[database, *resources],
    )
