"""Kills one of everything there is every few seconds, while people go on."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from deploy.local.credentials import SERVICES
from tests.faults import processes
from tests.faults.recovery import Canary
from tests.faults.running import Running

PAUSE = (2.0, 6.0)  # seconds between two kills
WARM = 5.0  # seconds of people's work before the first

Victims = Mapping[str, Callable[[], int | None]]
"""Names, each with the pid at the moment; None while nobody of this name lives."""


async def kill_at_random(running: Running, kills: int, victims: Victims) -> Canary:
    """`kill -9` of somebody who lives, so many times; then measure until the last recovery."""
    canary = Canary(running, await running.observer("canary"))
    chance = Random(running.seed)  # nobody else's: the same seed kills the same ones
    async with running.busy():
        await asyncio.sleep(WARM)
        for _ in range(kills):
            canary.fly(_kill_one(chance, victims))
            await asyncio.sleep(chance.uniform(*PAUSE))
        await canary.finish()
    return canary


def everybody(running: Running) -> Victims:
    """Every service, both servers, the mail server."""
    found: dict[str, Callable[[], int | None]] = {
        name: partial(_pid, running, name) for name in (*SERVICES, "postgres", "rabbitmq")
    }
    return {**found, "mail server": lambda: running.mail_server.pid}


def _kill_one(chance: Random, victims: Victims) -> str:
    """Who it was."""
    while True:
        name = chance.choice(list(victims))
        pid = victims[name]()
        if pid is not None and processes.send(pid, signal.SIGKILL):
            return name


def _pid(running: Running, name: str) -> int | None:
    return processes.pids(running.product).get(name)
