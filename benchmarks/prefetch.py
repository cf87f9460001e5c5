"""What a small prefetch costs the consumers: `python -m benchmarks.prefetch [messages]`.

On servers of its own. Small messages are noted by reports' reaction; prefetches take turns.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from unittest.mock import patch
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.reactions import react
from shared.contracts import published_types
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.logging import configure
from shared.messaging import subscription
from shared.messaging.consumer import Consumer
from shared.messaging.envelope import to_message
from tests.support.broker import Broker, broker_at
from tests.support.databases import create_template, drop
from tests.support.events import recorded, uploaded
from tests.support.servers import postgres_server, rabbitmq_server

LARGE, ROUNDS = 100, 9


async def main(messages: int, server: str, amqp_url: str) -> None:
    template = await create_template(server)
    database = Database(template.url("reports"))
    rates: dict[int, list[float]] = {subscription.PREFETCH: [], LARGE: []}
    async with broker_at(amqp_url) as broker:
        for _ in range(ROUNDS):
            for prefetch, found in rates.items():
                with patch.object(subscription, "PREFETCH", prefetch):
                    found.append(messages / await consume(broker, database, messages))
        await broker.close()
    await database.close()
    await drop(template)
    for prefetch, found in rates.items():
        print(f"prefetch {prefetch}: {median(found):.0f} messages a second")
    ratios = [small / large for small, large in zip(*rates.values(), strict=True)]
    print(f"ratio {median(ratios):.2f}, round by round {', '.join(f'{r:.2f}' for r in ratios)}")


async def consume(broker: Broker, database: Database, messages: int) -> float:
    """Seconds until all of them are handled."""
    service, left = await broker.service(), messages

    async def counted(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        nonlocal left
        await react(connection, events)
        left -= len(events)

    await broker.put(service, *(to_message(recorded(uploaded(uuid4()))) for _ in range(messages)))
    consumer = Consumer(service, broker.url, database, published_types(), [], counted)
    started = time.perf_counter()
    while left > 0:
        await consumer.step()
    seconds = time.perf_counter() - started
    await consumer.close()
    return seconds


if __name__ == "__main__":
    configure("benchmark", "WARNING")
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server(Path(folder)) as postgres_url,
        rabbitmq_server(Path(folder)) as node,
    ):
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
        asyncio.run(main(count, postgres_url, node.url()))
