"""Background loops: alike, supervised, and finished within the time a shutdown has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from shared.errors import Unavailable
from shared.logging import log

SHUTDOWN_TIMEOUT = 15.0  # seconds a step may take to end on shutdown
MAX_BACKOFF = 30.0  # seconds, after a fault nobody expected
UNAVAILABLE_BACKOFF = 1.0  # seconds, while something is away: work goes on soon after it is back


@dataclass
class Loop:
    """A step done again and again: at once while it says True, else after `pause` or the bell."""

    name: str
    step: Callable[[], Awaitable[bool]]
    pause: float = 1.0
    doorbell: asyncio.Event = field(default_factory=asyncio.Event)
    stop: Callable[[], None] | None = None  # called at the signal, while a step may be going on
    close: Callable[[], Awaitable[None]] | None = None
    unavailable_backoff: float = UNAVAILABLE_BACKOFF


@asynccontextmanager
async def running(
    loops: Sequence[Loop],
    stopping: asyncio.Event | None = None,
    *,
    shutdown_timeout: float | None = None,
) -> AsyncIterator[None]:
    """Run the loops beside the block; at its end let each finish its step, then close it.

    Once `stopping` is set no loop begins another step: a server sets it at the signal, before it
    waits for open requests, so that both have their time at once. A step that has not ended after
    `shutdown_timeout` seconds (`SHUTDOWN_TIMEOUT`) is cancelled.
    """
    stopping = stopping or asyncio.Event()
    tasks = [asyncio.create_task(_run(loop, stopping), name=loop.name) for loop in loops]
    tasks += [asyncio.create_task(_signal_stop(loop, stopping), name=loop.name) for loop in loops]
    try:
        yield
    finally:
        stopping.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=shutdown_timeout or SHUTDOWN_TIMEOUT)
            for task in late:
                log.warning("loop_cancelled", loop=task.get_name())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for loop in loops:
            if loop.close is not None:
                with suppress(Exception):
                    await loop.close()


async def _signal_stop(loop: Loop, stopping: asyncio.Event) -> None:
    await stopping.wait()
    loop.doorbell.set()
    if loop.stop is not None:
        loop.stop()


async def _run(loop: Loop, stopping: asyncio.Event) -> None:
    failures = 0
    while not stopping.is_set():
        loop.doorbell.clear()
        longest = MAX_BACKOFF
        try:
            worked = await loop.step()
        except asyncio.CancelledError:
            # aio-pika cancels the waiters of a channel that died; only our own end counts.
            if _is_being_cancelled():
                raise
            worked, failures, longest = False, failures + 1, loop.unavailable_backoff
            log.warning("loop_interrupted", loop=loop.name, failures=failures)
        except (Unavailable, OSError) as error:
            worked, failures, longest = False, failures + 1, loop.unavailable_backoff
            reason = getattr(error, "code", type(error).__name__)
            log.warning("loop_retries", loop=loop.name, reason=reason, failures=failures)
        except Exception:  # noqa: BLE001 - the loop outlives any fault of a step
            worked, failures = False, failures + 1
            log.exception("loop_failed", loop=loop.name, failures=failures)
        else:
            failures = 0
        if not worked and not stopping.is_set():
            backoff = min(longest, 0.5 * 2 ** min(failures, 6)) if failures else loop.pause
            await _wait(loop.doorbell if not failures else stopping, backoff)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _wait(bell: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
