"""Erasing somebody with a long history: `python -m benchmarks.erasure [checks]`.

Each check has 100 findings. Compares the longest statement of the erasure with the time a statement
may take, in the two services that keep findings. Brings a database of its own.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.servers import private_postgres
from services.checker.domain.checks import EVENTS
from services.checker.reactions import react as checker_reacts
from services.reports.reactions import react as reports_reacts
from shared.contracts.auth import UserErased
from shared.db import COMMAND_TIMEOUT, Database
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import configure
from tests.support.databases import PrivateDatabase, create_template
from tests.support.events import ANN, FINDING, checked, recorded

FINDINGS = 100
AT_ONCE = 100  # checks written in one transaction
React = Callable[[AsyncConnection, RecordedEvent], Awaitable[None]]


async def main(checks: int, server: str) -> None:
    databases = await create_template(server)
    for service, fill, react in (
        ("checker", record, checker_reacts),
        ("reports", journal, reports_reacts),
    ):
        seconds, longest = await erase(databases, service, checks, fill, react)
        print(
            f"{service}: {checks} checks erased in {seconds:.1f} s; the longest statement took"
            f" {100 * longest / COMMAND_TIMEOUT:.0f} % of the {COMMAND_TIMEOUT:.0f} s it may"
        )


async def erase(
    databases: PrivateDatabase,
    service: str,
    checks: int,
    fill: Callable[[AsyncConnection, list[RecordedEvent]], Awaitable[None]],
    react: React,
) -> tuple[float, float]:
    """The seconds of the whole, and of its longest statement."""
    database = Database(databases.url(service))
    for _ in range(0, checks, AT_ONCE):
        async with database.transaction() as connection:
            await fill(connection, [check() for _ in range(AT_ONCE)])
    times = statement_times(database)
    started = time.perf_counter()
    async with database.transaction() as connection:
        await react(connection, recorded(UserErased(user_id=ANN), f"user-{ANN}", 2))
    seconds = time.perf_counter() - started
    async with database.transaction() as connection:
        table = "events" if service == "checker" else "journal"
        left = await connection.scalar(
            text(f"SELECT count(*) FROM {table} WHERE data -> 'findings' <> '[]'")
        )
    await database.close()
    if left:
        raise SystemExit(f"{service} still has findings of {left} checks")
    return seconds, max(times)


def check() -> RecordedEvent:
    file_id = uuid4()
    found = [
        FINDING.model_copy(update={"row": row, "fingerprint": uuid4().hex[:16]})
        for row in range(1, FINDINGS + 1)
    ]
    told = checked(file_id).model_copy(update={"findings": found})
    return recorded(told, f"checks-{file_id}", 1)


async def record(connection: AsyncConnection, events: list[RecordedEvent]) -> None:
    store = EventStore(EventTypes(EVENTS))
    await store.append_many(connection, [Batch(one.stream_id, 0, [one.event]) for one in events])


async def journal(connection: AsyncConnection, events: list[RecordedEvent]) -> None:
    for one in events:
        await reports_reacts(connection, one)


def statement_times(database: Database) -> list[float]:
    """Seconds of each statement from now on."""
    times: list[float] = []

    def begun(*_: object) -> None:
        times.append(-time.perf_counter())

    def ended(*_: object) -> None:
        times[-1] += time.perf_counter()

    event.listen(database.engine.sync_engine, "before_cursor_execute", begun)
    event.listen(database.engine.sync_engine, "after_cursor_execute", ended)
    return times


if __name__ == "__main__":
    configure("benchmark", "WARNING")
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, running.url))
