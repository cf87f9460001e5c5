"""A long past harms nobody: `python -m benchmarks.growth`.

An installation that is empty, and one into which other people's events have been filled by SQL:
from due files to marked mails, the list, a report; and how fast read tables are built anew.
"""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.figures import Figure, at_least, at_most, tell
from benchmarks.filling import Size, fill
from benchmarks.load import hold, request
from benchmarks.parameters import number
from benchmarks.pipeline import A_PERSON, flow
from benchmarks.running import Running, running_in, temporary_folder
from benchmarks.schedule import interval
from benchmarks.sources import sources
from benchmarks.times import percentile
from deploy.local.servers import private_postgres
from deploy.postgres.provision import DATABASE, with_database
from tests.faults.database import admin
from tests.support.product import ROOT

EVENTS = number("EVENTS", 100_000)
A_FILE = 8  # events: two versions are saved, checked, and their mails queued and sent
FILES = 100
SECONDS = 3.0  # of looks at each page
SHORTEST = 0.1  # seconds
REBUILT = "SELECT (SELECT count(*) FROM files.events) + (SELECT count(*) FROM reports.journal)"


@dataclass(frozen=True)
class Seconds:
    marked: float
    listed: float
    report: float
    rebuild: float


def figures() -> list[Figure]:
    with temporary_folder() as folder:
        empty, _ = asyncio.run(_measure(folder))
    with temporary_folder() as folder:
        _local("migrate", folder)
        with private_postgres(folder / "data") as postgres:
            asyncio.run(_fill(with_database(postgres.url, DATABASE)))
        full, events = asyncio.run(_measure(folder))
    past = f"with {events:,} events to rebuild from"
    # What it costs to start is in both; with few events it is more than all the rest.
    rate = events / max(full.rebuild - empty.rebuild, SHORTEST)
    return [
        _grown(f"{FILES} files due → marked, {past}", full.marked, empty.marked, "s"),
        _grown("… the list page, p50", 1000 * full.listed, 1000 * empty.listed, "ms"),
        _grown("… the report page, p50", 1000 * full.report, 1000 * empty.report, "ms"),
        Figure("… rebuilding files and reports", rate, "events/s", goal=at_least(10_000)),
    ]


def _grown(name: str, full: float, empty: float, unit: str) -> Figure:
    return Figure(name, full, unit, empty, full / empty, at_most(1.25))


async def _fill(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        files = EVENTS // A_FILE
        await fill(connection, Size(people=files // 50, files=50, big_files=50, versions=2))
    finally:
        await connection.close()


async def _measure(folder: Path) -> tuple[Seconds, int]:
    people = -(-FILES // A_PERSON)
    async with running_in(folder, people, CHECK_INTERVAL=interval(FILES)) as system:
        async with admin(system.product) as connection:
            run = await flow(system, connection, sources(FILES))
            events = await connection.fetchval(REBUILT)
        person = system.people[0]
        cookies = await person.cookies()
        check = (await person.get("/checks"))["checks"][0]["id"]
        listed = await _page(system, "/", cookies)
        report = await _page(system, f"/checks/{check}", cookies)
        rebuild = await asyncio.to_thread(_local, "rebuild", folder)
    return Seconds(run.marked, listed, report, rebuild), int(events)


async def _page(system: Running, path: str, cookies: dict[str, str]) -> float:
    load = await hold(system.port, request("GET", path, cookies), 1, SECONDS)
    return percentile(load.times, 50)


def _local(command: str, folder: Path) -> float:
    """The seconds of a command of `deploy.local`."""
    environment = {**os.environ, "PREREVIEW_DATA": str(folder / "data")}
    begun = time.monotonic()
    program = [sys.executable, "-m", "deploy.local", command]
    subprocess.run(program, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


if __name__ == "__main__":
    tell(figures())
