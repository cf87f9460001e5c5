"""The checker's schedule, as people are told of it: it looks for due files at each tick."""

import asyncio
import time
from datetime import UTC, datetime
from math import ceil

from tests.support.people import Person
from tests.support.waiting import eventually

SLOWEST = 8  # files a second that are uploaded at least
SHORTEST = 15  # seconds
LONGEST = 600.0  # seconds that what was due at a tick may take
SHORTLY = 0.5  # seconds before a tick in which nothing is begun any more


class DidNotFit(AssertionError):
    """Files were still on their way when the checker began."""


def interval(files: int) -> str:
    """A `CHECK_INTERVAL` within which so many files are uploaded."""
    return str(max(SHORTEST, ceil(files / SLOWEST)))


def monotonic(moment: datetime) -> float:
    """What `time.monotonic()` tells at that moment."""
    return time.monotonic() + (moment - datetime.now(UTC)).total_seconds()


async def next_tick(person: Person) -> float:
    """When it is due, as `time.monotonic()` tells it."""
    told = (await person.get("/schedule"))["next_run_at"]
    return monotonic(datetime.fromisoformat(told))


async def after_tick(person: Person) -> None:
    """Wait until the checker has done what was due at a tick: the whole interval lies ahead."""
    first = (await person.get("/schedule"))["next_run_at"]

    async def passed() -> bool:
        return bool((await person.get("/schedule"))["next_run_at"] != first)

    await asyncio.sleep(monotonic(datetime.fromisoformat(first)) - time.monotonic())
    await eventually(passed, LONGEST)


async def before_tick(person: Person) -> float:
    """Wait until shortly before the next tick; when that is due.

    Raises:
        DidNotFit: it is too late for this.
    """
    tick = await next_tick(person)
    if (left := tick - SHORTLY - time.monotonic()) < 0:
        raise DidNotFit(f"the next tick is {left + SHORTLY:.1f} s ahead")
    await asyncio.sleep(left)
    return tick
