"""Memory of all services: `python -m benchmarks.memory`.

Idle, while files are uploaded, checked and mailed, and idle again after many checks. Proportional
(PSS): what the services share, being forks of one process, is counted once in all.
"""

import asyncio
from contextlib import suppress

from benchmarks import usage
from benchmarks.figures import Figure, at_most, tell
from benchmarks.parameters import number
from benchmarks.pipeline import MARKED
from benchmarks.running import Running, running, until
from benchmarks.sources import sources
from tests.faults.database import Connection, admin

CHECKS = number("CHECKS", 1000)
WARMING = max(CHECKS // 10, 1)  # checks after which caches and pools are as they stay
ROUND = 500  # files at a time
PEOPLE = 10
IDLE = 5.0  # seconds before memory is read
SERVERS = ("postgres", "rabbitmq")
UNLIMITED = {"UPLOADS_PER_MINUTE": "100000", "USER_FILES": "100000", "USER_BYTES": str(2**36)}


def figures() -> list[Figure]:
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    async with running(PEOPLE, CHECK_INTERVAL="0", **UNLIMITED) as system:
        idle = await _idle(system)
        async with admin(system.product) as connection:
            watching = asyncio.create_task(_watch(system))
            await _check(system, connection, 0, WARMING)
            warm = await _idle(system)
            for first in range(WARMING, CHECKS, ROUND):
                await _check(system, connection, first, min(first + ROUND, CHECKS))
            watching.cancel()
            highest = await watching
        after = await _idle(system)
        servers = _servers(system)
    return [
        Figure("memory of the services (PSS), idle", idle, "MB", goal=at_most(450)),
        Figure("… highest under load", highest, "MB"),
        Figure(
            f"… idle after {CHECKS:,} checks, against after {WARMING:,}",
            after, "MB", warm, after / warm, at_most(1.05),
        ),
        *(Figure(f"memory of {name} then", size, "MB") for name, size in servers.items()),
    ]  # fmt: skip


async def _check(system: Running, connection: Connection, first: int, last: int) -> None:
    """Upload files, and wait until all mails about them have been sent."""
    for person in system.people:
        await person.log_in()  # a token lives for ten minutes
    await system.upload(sources(last - first, first))
    await until(connection, MARKED, last, system.user_ids())


async def _idle(system: Running) -> float:
    await asyncio.sleep(IDLE)
    return _services(system)


async def _watch(system: Running) -> float:
    """The most that is used, looked at every second, until it is cancelled."""
    highest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            highest = max(highest, _services(system))
            await asyncio.sleep(1)
    return highest


def _services(system: Running) -> float:
    """With ruff, which the checker starts, and the process all of them are forks of."""
    services = {name: pid for name, pid in system.pids().items() if name not in SERVERS}
    supervisor = usage.proportional_megabytes(system.product.supervisor)
    return supervisor + sum(usage.memory_of(services).values())


def _servers(system: Running) -> dict[str, float]:
    pids = system.pids()
    return usage.memory_of({name: pids[name] for name in SERVERS})


if __name__ == "__main__":
    tell(figures())
