"""Erasing somebody with a long past: `python -m benchmarks.erasure [checks [findings [letters]]]`.

Each check has 100 findings, with messages of 30 letters. Two people with the same history are
erased in the two services that keep findings: one in one transaction with one statement a table,
the other in steps. Compares how long the append lock is held at most, which is how long nobody else
can write, and how long the whole takes. Brings a database of its own.
"""

import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.servers import private_postgres
from services.checker import reactions as of_checker
from services.checker.domain.checks import EVENTS
from services.reports import reactions as of_reports
from shared.contracts import published_types
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.store import Batch, EventStore
from shared.logging import configure
from shared.messaging.reactions import React
from tests.support.databases import PrivateDatabase, create_template
from tests.support.events import ANN, BOB, FINDING, checked, recorded

AT_ONCE = 20  # checks written in one transaction
CHECKER_TYPES = EventTypes(EVENTS)
Fill = Callable[[AsyncConnection, list[RecordedEvent]], Awaitable[None]]


@dataclass(frozen=True)
class Size:
    """Of a history: checks, findings of each, letters in the message of each."""

    checks: int = 5000
    findings: int = 100
    letters: int = 30


@dataclass(frozen=True)
class Service:
    """How its tables are filled and emptied; `statements` are those of the one transaction."""

    name: str
    fill: Fill
    types: EventTypes
    statements: tuple[str, ...]
    prepare: Prepare
    react: React


class Locks:
    """Measures how long each transaction holds the append lock, in seconds."""

    def __init__(self, database: Database) -> None:
        self.held: list[float] = []
        self._since: float | None = None
        event.listen(database.engine.sync_engine, "after_cursor_execute", self._executed)
        for end in ("commit", "rollback"):
            event.listen(database.engine.sync_engine, end, self._ended)

    def _executed(self, _: object, __: object, statement: str, *___: object) -> None:
        if "pg_advisory_xact_lock" in statement and self._since is None:
            self._since = time.perf_counter()

    def _ended(self, _: object) -> None:
        if self._since is not None:
            self.held.append(time.perf_counter() - self._since)
        self._since = None


async def main(size: Size, server: str) -> None:
    databases = await create_template(server)
    for service in (CHECKER, REPORTS):
        database = Database(databases.url(service.name))
        for person in (ANN, BOB):
            await fill(database, service, size, person)
        for how, erase in (("in one transaction", at_once), ("in steps", in_steps)):
            locks, started = Locks(database), time.perf_counter()
            await erase(database, service)
            whole, longest = time.perf_counter() - started, 1000 * max(locks.held)
            print(
                f"{service.name}: {size.checks} checks erased {how} in {whole:.1f} s;"
                f" the lock was held for {longest:.0f} ms at most"
            )
        await database.close()
        await expect_nothing(databases, service)


async def fill(database: Database, service: Service, size: Size, person: UUID) -> None:
    for _ in range(0, size.checks, AT_ONCE):
        async with database.transaction() as connection:
            await service.fill(connection, [check(size, person) for _ in range(AT_ONCE)])


async def at_once(database: Database, service: Service) -> None:
    values = {"user_id": ANN, "blanks": json.dumps(service.types.blanks())}
    async with database.transaction() as connection:
        await take_append_lock(connection)
        for statement in service.statements:
            chosen = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), chosen)


async def in_steps(database: Database, service: Service) -> None:
    told = recorded(UserErased(user_id=BOB), f"user-{BOB}", 2)
    while not await service.prepare(database, told):
        pass
    async with database.transaction() as connection:
        await service.react(connection, [told])


async def expect_nothing(databases: PrivateDatabase, service: Service) -> None:
    database = Database(databases.url(service.name))
    table = "events" if service is CHECKER else "journal"
    async with database.transaction() as connection:
        left = await connection.scalar(
            text(f"SELECT count(*) FROM {table} WHERE data -> 'findings' <> '[]'")
        )
    await database.close()
    if left:
        raise SystemExit(f"{service.name} still has findings of {left} checks")


def check(size: Size, person: UUID) -> RecordedEvent:
    file_id = uuid4()
    found = [
        FINDING.model_copy(
            update={
                "row": row,
                "fingerprint": uuid4().hex[:16],
                "message": secrets.token_hex(size.letters // 2),
            }
        )
        for row in range(1, size.findings + 1)
    ]
    told = checked(file_id, user_id=person).model_copy(update={"findings": found})
    return recorded(told, f"checks-{file_id}", 1)


async def record(connection: AsyncConnection, events: list[RecordedEvent]) -> None:
    store = EventStore(CHECKER_TYPES)
    await store.append_many(connection, [Batch(one.stream_id, 0, [one.event]) for one in events])


async def journal(connection: AsyncConnection, events: list[RecordedEvent]) -> None:
    await of_reports.react(connection, events)


CHECKER = Service(
    "checker",
    record,
    CHECKER_TYPES,
    ("SELECT mask_personal_fields(:user_id, CAST(:blanks AS jsonb), 0, 1000000)",),
    of_checker.PREPARE[UserErased],
    of_checker.react,
)
REPORTS = Service(
    "reports",
    journal,
    published_types(),
    (
        """
        UPDATE journal SET data = data || (CAST(:blanks AS jsonb) -> type)
        WHERE user_id = :user_id AND CAST(:blanks AS jsonb) ? type
        """,
        "DELETE FROM files WHERE user_id = :user_id",
        "DELETE FROM checks WHERE user_id = :user_id",
    ),
    of_reports.PREPARE[UserErased],
    of_reports.react,
)


if __name__ == "__main__":
    configure("benchmark", "WARNING")
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        asyncio.run(main(Size(*map(int, sys.argv[1:])), running.url))
