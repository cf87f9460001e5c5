"""Appends and uploads a second: `python -m benchmarks.appending [seconds [files]]`.

Compares what was with what is, in turns on one database of its own: events alone, and whole uploads
inside the files service, without HTTP, for somebody with no file and for somebody with many. One
writer tells how long the append lock is held: from the statement that takes it to the answer to
COMMIT. 8 and 32 writers tell what that comes to.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import uvloop
from sqlalchemy import event, text

from benchmarks.appending_before import StoreBefore, upload
from deploy.local.servers import private_postgres
from services.files.commands import upload_file
from services.files.domain.file import EVENTS, stream
from services.files.limits import Allowance
from services.files.projections import PROJECTIONS
from services.files.saving import Saving
from shared import deadline
from shared.clock import utc_now
from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.logging import configure
from tests.support.databases import create_template

WRITERS = (1, 8, 32)
TURNS = 3
TYPES = EventTypes(EVENTS)
LOCKING = ("pg_advisory_xact_lock", "append_events", "begin_command")
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


@dataclass
class Figures:
    """Of one way: writes a second by the number of writers, seconds of lock and processor each."""

    rates: dict[int, list[float]] = field(default_factory=dict)
    held: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def line(self) -> str:
        rates = "".join(f"{statistics.median(self.rates[writers]):9.0f}" for writers in WRITERS)
        held, busy = (1000 * statistics.median(found) for found in (self.held, self.busy))
        return f"{rates}{held:11.2f}{busy:16.2f}"


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


def _event(user_id: UUID, content: bytes) -> FileUploaded:
    name = f"written{next(NUMBERS)}.py"
    return FileUploaded(
        file_id=uuid4(), user_id=user_id, name=name, size=len(content), sha256="0" * 64
    )


async def _append(database: Database, user_id: UUID, _: int, *, store: EventStore) -> None:
    told = _event(user_id, b"")
    async with database.transaction() as connection:
        await store.append(connection, stream(told.file_id), 0, [told])


async def _upload_before(database: Database, user_id: UUID, number: int) -> None:
    content = f"x = {number}\n".encode()
    await upload(database, StoreBefore(TYPES), _event(user_id, content), content)


async def _upload_now(database: Database, user_id: UUID, number: int) -> None:
    allowance = Allowance(10**9, 10**15, 10**6, 1000)
    saving = Saving(database, EventStore(TYPES, PROJECTIONS), allowance, utc_now)
    content, name = f"x = {number}\n".encode(), f"written{number}.py"
    command = partial(upload_file, user_id=user_id, name=name, content=content)
    await saving.once(None, user_id, command)


EVENTS_ALONE: dict[str, Write] = {
    "before": partial(_append, store=StoreBefore(TYPES)),
    "now": partial(_append, store=EventStore(TYPES)),
}
UPLOADS: dict[str, Write] = {"before": _upload_before, "now": _upload_now}


async def _measured(
    database: Database, held: Held, write: Write, user_id: UUID, writers: int, seconds: float
) -> tuple[float, float, list[float]]:
    """Writes a second, and of each the seconds of this program's processor and of the lock."""
    end, done, locked = time.perf_counter() + seconds, 0, list[float]()

    async def writer() -> None:
        nonlocal done
        while time.perf_counter() < end:
            async with deadline.command(60):
                await write(database, user_id, next(NUMBERS))
            done += 1
            if writers == 1:
                locked.append(held.taken())

    began, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(writer() for _ in range(writers)))
    held.since = None
    busy = time.process_time() - busy
    return done / (time.perf_counter() - began), busy / done, locked


async def _compare(url: str, ways: dict[str, Write], user_id: UUID, seconds: float) -> None:
    figures = {way: Figures() for way in ways}
    database = Database(url, pool_size=max(WRITERS), overflow=0, lock_timeout=0)
    held = Held(database)
    for writers, _ in itertools.product(WRITERS, range(TURNS)):
        for way, write in ways.items():
            rate, busy, locked = await _measured(database, held, write, user_id, writers, seconds)
            figures[way].rates.setdefault(writers, []).append(rate)
            figures[way].busy.append(busy)
            figures[way].held += locked
    await database.close()
    for way, found in figures.items():
        print(f"  {way:8}{found.line()}")


async def _with_files(url: str, files: int) -> UUID:
    user_id, database = uuid4(), Database(url)
    async with database.transaction() as connection:
        for statement in (_FILES, _VERSIONS, _USAGE):
            chosen = {"user_id": user_id, "files": files}
            values = {name: value for name, value in chosen.items() if f":{name}" in statement}
            await connection.execute(text(statement), values)
    await database.close()
    return user_id


async def main(server: str, seconds: float = 2, files: float = 20_000) -> None:
    url = (await create_template(server)).url("files")
    print(f"a second, with writers{''.join(f'{n:5}' for n in WRITERS)}   lock, ms   processor, ms")
    print("events alone")
    await _compare(url, EVENTS_ALONE, uuid4(), seconds)
    for many in (0, int(files)):
        print(f"uploads of somebody with {many} files")
        await _compare(url, UPLOADS, await _with_files(url, many), seconds)


if __name__ == "__main__":
    configure("benchmark", "WARNING")
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        uvloop.run(main(running.url, *map(float, sys.argv[1:])))
