"""Appends and whole uploads a second inside the files service: `python -m benchmarks.appending`.

Without HTTP, on a database of its own, in turns: events alone, uploads of somebody with no file,
and of somebody with many. One writer tells how long the append lock is held: from the statement
that takes it to the answer to COMMIT. Many writers tell what that comes to.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from uuid import UUID, uuid4

import uvloop
from sqlalchemy import event, text

from benchmarks.figures import Figure, Goal, at_least, tell
from benchmarks.running import temporary_folder
from deploy.local.servers import private_postgres
from services.files.commands.files import upload_file
from services.files.commands.runner import CommandRunner
from services.files.domain.file import EVENTS, stream
from services.files.projections import PROJECTIONS
from services.files.storage.limits import Quota
from shared import deadline
from shared.clock import utc_now
from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.logging import configure
from tests.support.databases import create_template

WRITERS = 32
TURNS, SECONDS = 3, 2.0
MANY = 20_000  # files
TYPES = EventTypes(EVENTS)
LOCKING = ("append_events", "begin_command")
Write = Callable[[Database, UUID, int], Awaitable[None]]
NUMBERS = itertools.count()

_FILES = """
INSERT INTO files (file_id, user_id, name, version, deleted)
SELECT gen_random_uuid(), :user_id, 'filled' || number || '.py', 1, false
FROM generate_series(1, :files) AS number
"""
_VERSIONS = """
INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
SELECT file_id, 1, user_id, name, 100, encode(sha256(name::bytea), 'hex'), now()
FROM files WHERE user_id = :user_id
"""
_USAGE = "INSERT INTO usage VALUES (:user_id, :files, 100 * CAST(:files AS bigint))"


@dataclass(frozen=True)
class Way:
    """What is written, and for whom; writes a second of many, seconds of the lock of one writer."""

    name: str
    write: Write
    user_id: UUID
    goal: Goal | None = None
    rates: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    def figures(self) -> list[Figure]:
        return [
            Figure(f"{self.name}, {WRITERS} writers", median(self.rates), "/s", goal=self.goal),
            Figure("… the append lock is held", 1000 * median(self.held), "ms"),
        ]


class Held:
    """Notes when one writer sends the statement that takes the lock."""

    def __init__(self, database: Database) -> None:
        self.since: float | None = None
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, _: object, __: object, statement: str, *___: object) -> None:
        if self.since is None and any(word in statement for word in LOCKING):
            self.since = time.perf_counter()

    def taken(self) -> float:
        assert self.since is not None
        seconds, self.since = time.perf_counter() - self.since, None
        return seconds


async def append(database: Database, user_id: UUID, number: int) -> None:
    told = FileUploaded(
        file_id=uuid4(), user_id=user_id, name=f"written{number}.py", size=1, sha256="0" * 64
    )
    async with database.transaction() as connection:
        await EventStore(TYPES).append(connection, stream(told.file_id), 0, [told])


async def upload(database: Database, user_id: UUID, number: int) -> None:
    quota = Quota(10**9, 10**15, 10**6, 1000)
    runner = CommandRunner(database, EventStore(TYPES, PROJECTIONS), quota, utc_now)
    content, name = f"x = {number}\n".encode(), f"written{number}.py"
    command = partial(upload_file, user_id=user_id, name=name, content=content)
    await runner.run(None, user_id, command)


def figures() -> list[Figure]:
    configure("benchmark", "WARNING")
    with temporary_folder() as folder, private_postgres(folder) as postgres:
        ways = uvloop.run(_measure(postgres.url))
    return [figure for way in ways for figure in way.figures()]


async def _measure(server: str) -> Sequence[Way]:
    url = (await create_template(server)).url("files")
    database = Database(url, pool_size=WRITERS, overflow=0, lock_timeout=0)
    fast = at_least(400)
    ways = (
        Way("events alone inside files", append, uuid4()),
        Way("uploads inside files", upload, await _with_files(database, 0), fast),
        Way(f"… of a person with {MANY:,} files", upload, await _with_files(database, MANY), fast),
    )
    held = Held(database)
    for _ in range(TURNS):
        for way in ways:
            await _write(database, held, way, 1)
            way.rates.append(await _write(database, held, way, WRITERS))
    await database.close()
    return ways


async def _write(database: Database, held: Held, way: Way, writers: int) -> float:
    """For some seconds; writes a second."""
    began, done = time.perf_counter(), 0

    async def writer() -> None:
        nonlocal done
        while time.perf_counter() < began + SECONDS:
            async with deadline.command(60):
                await way.write(database, way.user_id, next(NUMBERS))
            done += 1
            if writers == 1:
                way.held.append(held.taken())

    await asyncio.gather(*(writer() for _ in range(writers)))
    held.since = None
    return done / (time.perf_counter() - began)


async def _with_files(database: Database, files: int) -> UUID:
    user_id = uuid4()
    async with database.transaction() as connection:
        for statement in (_FILES, _VERSIONS, _USAGE):
            chosen = {"user_id": user_id, "files": files}
            values = {name: value for name, value in chosen.items() if f":{name}" in statement}
            await connection.execute(text(statement), values)
    return user_id


if __name__ == "__main__":
    tell(figures())
