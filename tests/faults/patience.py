"""Waiting with an end."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable

LONGEST = 240.0  # seconds; as long as somebody waits for a mail


async def tries(
    what: str, pause: float = 1.0, seconds: float | None = None
) -> AsyncGenerator[int, None]:
    """The numbers of tries, from 1, with a pause in seconds between two.

    Raises:
        AssertionError: nobody has left the loop within the time, `LONGEST` if none is given.
    """
    seconds = LONGEST if seconds is None else seconds
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        yield number
        await asyncio.sleep(pause)
    raise AssertionError(f"{what}: nothing came of it in {seconds:.0f} s and {number} tries")


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
