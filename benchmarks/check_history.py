"""A check after many others of its file: `python -m benchmarks.check_history [versions]`.

Each version has 500 findings, every tenth of them new. Brings a database of its own.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, cast
from uuid import UUID, uuid4

from deploy.local.servers import private_postgres
from services.checker.claims import claiming
from services.checker.domain.checks import CHECKS, EVENTS, stream
from services.checker.linting.diagnostics import Diagnostic
from services.checker.linting.ruff import Ruff, RuffResult
from services.checker.reactions import react
from services.checker.results.recorder import Recorder
from services.checker.rules import STANDARD
from services.checker.scheduling.check_runner import CheckRunner
from services.checker.scheduling.scheduler import Scheduler
from shared.clock import utc_now
from shared.coordination.copies import Copy
from shared.db import Database
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.store import EventStore
from shared.logging import configure
from tests.support.databases import create_template
from tests.support.events import recorded, replaced, uploaded

FINDINGS, NEW = 500, 50
EARLY, AROUND = 5, 5  # the version compared with the last, and how many of each are taken


class Flood:
    """A ruff that finds the same in every version, but for some."""

    engine = "ruff"
    version = 0

    def with_quick_limits(self, _: int = 0) -> "Flood":
        return self

    async def check_incrementally(
        self, contents: Mapping[UUID, bytes], _: object
    ) -> AsyncIterator[dict[UUID, RuffResult]]:
        self.version += 1
        found = tuple(map(self._finding, range(FINDINGS)))
        yield dict.fromkeys(contents, RuffResult(found, {"E501": FINDINGS}))

    def _finding(self, row: int) -> Diagnostic:
        line = f"line {row} {self.version if row < NEW else 0}"
        return Diagnostic(
            "E501", "line-too-long", "Too long", row + 1, 1, row + 1, 9, None, None, line
        )


class Empty:
    """Contents that are all empty."""

    async def fetch(self, wanted: Sequence[str]) -> dict[str, bytes | None]:
        return dict.fromkeys(wanted, b"")


async def main(versions: int, server: str) -> None:
    database = Database((await create_template(server)).url("checker"))
    store = EventStore(EventTypes(EVENTS))
    copy = Copy(database, "versions", claiming.end_claims)
    await copy.step()
    recorder, ruff = Recorder(database, store, utc_now), cast("Ruff", Flood())
    runner = CheckRunner(database, Empty(), ruff, recorder, STANDARD, utc_now)
    scheduler = Scheduler(database, runner, copy, interval=60, batch=200, clock=utc_now)
    file_id = uuid4()
    times = [await check(database, scheduler, file_id, number) for number in range(1, versions + 1)]
    everything = await read_all(database, store, file_id)
    await copy.close()
    await database.close()
    early, late = median(times[EARLY - 1 :][:AROUND]), median(times[-AROUND:])
    print(f"a check at {EARLY} versions {1000 * early:.0f} ms, at {versions} {1000 * late:.0f} ms")
    print(f"ratio {late / early:.1f}; to read all {versions} would take {1000 * everything:.0f} ms")


async def check(database: Database, scheduler: Scheduler, file_id: UUID, version: int) -> float:
    """Save a version and have it checked; the seconds of the check."""
    event: Any = uploaded(file_id) if version == 1 else replaced(file_id, version)
    async with database.transaction() as connection:
        await react(connection, [recorded(event, f"file-{file_id}", version)])
    started = time.perf_counter()
    await scheduler.step()
    return time.perf_counter() - started


async def read_all(database: Database, store: EventStore, file_id: UUID) -> float:
    started = time.perf_counter()
    async with database.transaction() as connection:
        CHECKS.state(event.event for event in await store.load(connection, stream(file_id)))
    return time.perf_counter() - started


if __name__ == "__main__":
    configure("benchmark", "WARNING")
    with tempfile.TemporaryDirectory() as folder, private_postgres(Path(folder)) as running:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 150, running.url))
