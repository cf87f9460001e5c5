"""Kills one of everything there is every few seconds, while people go on."""

import asyncio
import signal
from collections.abc import Sequence

from deploy.local.credentials import SERVICES
from tests.faults import processes
from tests.faults.recovery import Canary
from tests.faults.running import Running

VICTIMS = (*SERVICES, "postgres", "rabbitmq", "mail server")
PAUSE = (2.0, 6.0)  # seconds between two kills
WARM = 5.0  # seconds of people's work before the first


async def kill_at_random(running: Running, kills: int, victims: Sequence[str] = VICTIMS) -> Canary:
    """`kill -9` of somebody who lives, so many times; then measure until the last recovery."""
    canary = Canary(running, await running.observer("canary"))
    async with running.busy():
        await asyncio.sleep(WARM)
        for _ in range(kills):
            victim = running.random.choice(victims)
            while not kill(running, victim):
                victim = running.random.choice(victims)
            canary.fly(victim)
            await asyncio.sleep(running.random.uniform(*PAUSE))
    await canary.finish()
    return canary


def kill(running: Running, victim: str) -> bool:
    """False when it does not live at the moment."""
    if victim == "mail server":
        pid = running.mail_server.pid
    else:
        pid = processes.pids(running.product).get(victim)
    return pid is not None and processes.send(pid, signal.SIGKILL)
