"""One file at a time on an idle system: `python -m benchmarks.latency`.

From the first byte sent: until the upload is answered, until the API tells of its report, until the
mail server has taken its mail.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.figures import Figure, at_most, tell
from benchmarks.running import Client, Running, running
from benchmarks.sources import Source, sources
from benchmarks.times import milliseconds
from tests.support.waiting import eventually

FILES = 50
WARMING = 5  # files before, which find caches empty and connections closed
IDLE = 0.2  # seconds between two files
LONGEST = 60.0  # seconds that anything may take
# Milliseconds that half of the files may take.
GOALS = {"upload answered": 15, "report visible": 150, "mail accepted": 250}


class Way(NamedTuple):
    """Seconds since the upload began."""

    answered: float
    visible: float
    mailed: float


def figures() -> list[Figure]:
    ways = asyncio.run(_measure(sources(WARMING + FILES)))[WARMING:]
    found = []
    for (what, limit), seconds in zip(GOALS.items(), zip(*ways, strict=True), strict=True):
        p50, p99 = milliseconds(seconds, 50), milliseconds(seconds, 99)
        found.append(Figure(f"one file: {what}, p50", p50, "ms", goal=at_most(limit)))
        found.append(Figure(f"one file: {what}, p99", p99, "ms"))
    return found


async def _measure(files: Sequence[Source]) -> list[Way]:
    async with running(1, CHECK_INTERVAL="0") as system:
        return [await _way(system, system.people[0], file) for file in files]


async def _way(system: Running, person: Client, file: Source) -> Way:
    mails = len(system.results())
    begun = time.monotonic()
    file_id = (await person.upload(file.name, file.content))["id"]
    answered = time.monotonic()

    async def checked() -> bool:
        return bool((await person.get(f"/files/{file_id}"))["check"] == "checked")

    async def mailed() -> bool:
        return len(system.results()) > mails

    async def marked() -> bool:
        return (await person.get(f"/files/{file_id}"))["last_check"]["mail"]["state"] == "sent"  # type: ignore[no-any-return]

    await eventually(checked, LONGEST)
    visible = time.monotonic()
    await eventually(mailed, LONGEST)
    await eventually(marked, LONGEST)
    await asyncio.sleep(IDLE)
    return Way(answered - begun, visible - begun, system.results()[mails] - begun)


if __name__ == "__main__":
    tell(figures())
