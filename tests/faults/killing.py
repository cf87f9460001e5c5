"""Kills one of everything there is every few seconds, while people go on."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from deploy.local.credentials import SERVICES
from tests.faults import processes
from tests.faults.patience import tries
from tests.faults.readiness import all_ready
from tests.faults.recovery import Canary
from tests.faults.running import Running

PAUSE = (2.0, 6.0)  # seconds between two kills
WARM = 5.0  # seconds of people's work before the first
AWAY = 60.0  # seconds within which whoever was killed lives again

Victims = Mapping[str, Callable[[], int | None]]
"""Names, each with the pid at the moment; None while nobody of this name lives."""


async def kill_at_random(running: Running, kills: int, victims: Victims) -> Canary:
    """`kill -9` of one after the other; then measure until the last recovery.

    Everybody is killed once before anybody is killed again.
    """
    canary = Canary(running, await running.observer("canary"))
    chance = Random(running.seed)  # nobody else's: the same seed kills the same ones
    async with running.busy(), canary.flying():
        await asyncio.sleep(WARM)
        for name in chosen(chance, kills, list(victims)):
            await _kill(name, victims[name])
            canary.fly(name)
            await asyncio.sleep(chance.uniform(*PAUSE))
    return canary


async def kill_each(running: Running, victims: Victims) -> Canary:
    """`kill -9` of each alone: the next one when a mail has gone the whole way and all are well."""
    canary = Canary(running, await running.observer("canary"))
    async with running.busy(), canary.flying():
        await asyncio.sleep(WARM)
        for name, pid in victims.items():
            await _kill(name, pid)
            canary.fly(name)
            await canary.finish()
            await all_ready(running, AWAY)
    return canary


def chosen(chance: Random, kills: int, names: list[str]) -> list[str]:
    """Who is killed, in this order: each once, then whoever chance wants."""
    first = chance.sample(names, min(kills, len(names)))
    return first + [chance.choice(names) for _ in range(kills - len(first))]


def everybody(running: Running) -> Victims:
    """Every service, both servers, the mail server."""
    found: dict[str, Callable[[], int | None]] = {
        name: partial(_pid, running, name) for name in (*SERVICES, "postgres", "rabbitmq")
    }
    return {**found, "mail server": lambda: running.mail_server.pid}


async def _kill(name: str, pid: Callable[[], int | None]) -> None:
    """As soon as it lives; `AssertionError` when it doesn't in time."""
    async for _ in tries(f"{name} was to be killed, but does not live", 0.1, AWAY):
        found = pid()
        if found is not None and processes.send(found, signal.SIGKILL):
            return


def _pid(running: Running, name: str) -> int | None:
    return processes.pids(running.product).get(name)
