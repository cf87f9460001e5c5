"""One fault after the other, each timed and judged by itself."""

import asyncio
from collections.abc import Sequence

from tests.faults import faults_of_broker, faults_of_database, faults_of_mail, faults_of_services
from tests.faults.collecting import collect
from tests.faults.faults import Fault
from tests.faults.invariants import violations
from tests.faults.recovery import FAULT_LIMIT, Canary, too_slow
from tests.faults.running import Running
from tests.faults.table import Line
from tests.faults.timing import Stopwatch

BEFORE, AFTER = 5.0, 5.0  # seconds of timing around a fault
LONGEST = 240.0  # seconds a fault may last

FAULTS: tuple[Fault, ...] = (
    *faults_of_database.FAULTS,
    *faults_of_services.FAULTS,
    *faults_of_mail.FAULTS,
    *faults_of_broker.FAULTS,
)


async def do_each(running: Running, faults: Sequence[Fault]) -> list[Line]:
    """What an earlier fault has broken already is not told again of a later one."""
    lines: list[Line] = []
    for fault in faults:
        known = {wrong for line in lines for found in line.violations.values() for wrong in found}
        lines.append(await _do(running, fault, known))
        lines[-1].tell()
    return lines


async def _do(running: Running, fault: Fault, known: set[str]) -> Line:
    names = (f"canary-{fault.name}", f"clock-{fault.name}")
    observer, timer = await asyncio.gather(*map(running.observer, names))
    canary, stopwatch = Canary(running, observer), Stopwatch(timer)
    line = Line(fault.sentence, times=stopwatch.times)
    async with running.busy(newcomers=fault.newcomers), stopwatch.ticking(), canary.flying():
        await asyncio.sleep(BEFORE)
        stopwatch.phase = "during"
        async with asyncio.timeout(LONGEST):
            await fault.do(running)
        stopwatch.phase = "after"
        canary.fly(fault.name, FAULT_LIMIT)
        await asyncio.sleep(AFTER)
    line.recoveries = canary.recoveries
    snapshot = await collect(running)
    found = {"recovery": too_slow(canary.recoveries), **violations(snapshot)}
    fresh = {name: [one for one in wrong if one not in known] for name, wrong in found.items()}
    line.judge(snapshot, {name: wrong for name, wrong in fresh.items() if wrong})
    return line
