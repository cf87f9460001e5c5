"""Wait for an outcome instead of hoping for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(probe: Callable[[], Awaitable[T]], seconds: float = 10.0) -> T:
    """The first truthy answer of `probe`; AssertionError when none came in time."""
    end = time.monotonic() + seconds
    while True:
        if found := await probe():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s; last answer: {found!r}")
        await asyncio.sleep(0.02)


async def step_until(
    step: Callable[[], Awaitable[bool]], probe: Callable[[], Awaitable[T]], seconds: float = 10.0
) -> T:
    """Do a loop's step again and again until `probe` is content."""

    async def stepped() -> T:
        await step()
        return await probe()

    return await eventually(stepped, seconds)
