"""Faults: services that stand still, or are told to end."""

import asyncio
import signal
from functools import partial

from deploy.local.credentials import SERVICES
from tests.faults import processes
from tests.faults.faults import Fault, last
from tests.faults.running import Running

STOPPED = 20.0  # seconds


async def stand_still(running: Running, service: str, seconds: float = STOPPED) -> None:
    """SIGSTOP, then SIGCONT."""
    pid = processes.pids(running.product)[service]
    processes.send(pid, signal.SIGSTOP)
    try:
        await last(seconds)
    finally:
        processes.send(pid, signal.SIGCONT)


async def end_each(running: Running) -> None:
    """SIGTERM to one after the other while they work; the supervisor starts them again."""
    for service in SERVICES:
        pid = processes.pids(running.product)[service]
        processes.send(pid, signal.SIGTERM)
        for _ in range(250):
            await asyncio.sleep(0.1)
            if processes.pids(running.product).get(service, pid) != pid:
                break
        else:
            raise AssertionError(f"{service} was not there again 25 s after SIGTERM")
        await last(3)


FAULTS = (
    *(
        Fault(
            f"{service}-stands-still",
            f"SIGSTOP of {service} for {STOPPED:.0f} s",
            partial(stand_still, service=service),
        )
        for service in SERVICES
    ),
    Fault("sigterm", "SIGTERM of each service with work in flight", end_each),
)
