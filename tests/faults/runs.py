"""The runs a proof is made of, each with a product of its own."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from deploy.local.credentials import SERVICES
from tests.faults import faults_of_database, processes
from tests.faults.collecting import collect
from tests.faults.copies import Copies, second_copies
from tests.faults.faults import Fault
from tests.faults.invariants import violations
from tests.faults.killing import WARM, Victims, everybody, kill_at_random, kill_each
from tests.faults.patience import end
from tests.faults.recovery import Canary, Recovery, too_slow, too_slow_alone
from tests.faults.running import Running, running
from tests.faults.small_disk import small_disk
from tests.faults.table import Line
from tests.faults.targeted import do_each

FROZEN = 60.0  # seconds
FREEZE = "SIGSTOP of one of two copies of all"


async def killing(folder: Path, kills: int, seed: int) -> Line:
    """Everybody is killed at random."""
    async with running(folder, seed) as product:
        line = Line("kill -9 of anybody, at random", kills)
        canary = await kill_at_random(product, kills, everybody(product))
        return await _judged(line, product, canary)


async def killing_each(folder: Path, seed: int) -> Line:
    """Everybody is killed alone, and everything is well again before the next."""
    async with running(folder, seed) as product:
        victims = everybody(product)
        line = Line("kill -9 of each, one after the other", len(victims))
        canary = await kill_each(product, victims)
        return await _judged(line, product, canary, too_slow_alone)


async def two_copies(folder: Path, kills: int, seed: int) -> Line:
    """Two copies of every service, and either is killed."""
    async with running(folder, seed) as product:
        with second_copies(product) as copies:
            line = Line("two copies of all, either killed", kills)
            victims = {**everybody(product), **_seconds(copies)}
            async with _kept_alive(copies):
                canary = await kill_at_random(product, kills, victims)
                return await _judged(line, product, canary)


async def frozen_copies(folder: Path, seed: int) -> Line:
    """Of two copies of all the first ones stand still; people use the second gateway alone."""
    async with running(folder, seed) as product:
        with second_copies(product) as copies:
            product.doors.urls[:] = [copies.url]
            line = Line(f"{FREEZE} for {FROZEN:.0f} s")
            canary = Canary(product, await product.observer("canary"))
            async with product.busy(), canary.flying():
                await asyncio.sleep(WARM)
                stopped = [processes.pids(product.product)[service] for service in SERVICES]
                try:
                    for pid in stopped:
                        processes.send(pid, signal.SIGSTOP)
                    canary.fly("a copy that stands still")
                    await asyncio.sleep(FROZEN)
                finally:
                    for pid in stopped:
                        processes.send(pid, signal.SIGCONT)
            return await _judged(line, product, canary)


async def targeted(folder: Path, faults: Sequence[Fault], seed: int) -> list[Line]:
    """One product for all of them."""
    async with running(folder, seed) as product:
        return await do_each(product, faults)


async def full_disk(folder: Path, seed: int) -> Line:
    """Postgres on a small file system, which is filled. Only root can do this."""
    with small_disk(folder / "data" / "postgres"):
        async with running(folder, seed) as product:
            return (await do_each(product, [faults_of_database.DISK]))[0]


async def _judged(
    line: Line,
    product: Running,
    canary: Canary,
    late: Callable[[list[Recovery]], list[str]] = too_slow,
) -> Line:
    line.recoveries = canary.recoveries
    snapshot = await collect(product)
    found = {"recovery": late(canary.recoveries), **violations(snapshot)}
    line.judge(snapshot, {name: wrong for name, wrong in found.items() if wrong})
    line.tell()
    return line


def _seconds(copies: Copies) -> Victims:
    return {f"second {service}": partial(copies.pid, service) for service in copies.processes}


@asynccontextmanager
async def _kept_alive(copies: Copies) -> AsyncIterator[None]:
    keeper = asyncio.create_task(_keep(copies))
    try:
        yield
    finally:
        await end([keeper])


async def _keep(copies: Copies) -> None:
    while True:
        await asyncio.sleep(1)
        copies.keep_alive()
