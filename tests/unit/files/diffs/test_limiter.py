"""A few diffs run at once, identical ones once, and the queue has an end."""

import asyncio
import threading

import pytest

from services.files.diffs.limiter import DiffBusy, DiffLimiter


class Gate:
    """A comparison that lasts until it is let through, and counts how many run at once."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self._lock = threading.Lock()
        self.running = self.most = self.made = 0

    def __call__(self) -> int:
        with self._lock:
            self.running += 1
            self.made += 1
            self.most = max(self.most, self.running)
        self.opened.wait(10)
        with self._lock:
            self.running -= 1
        return self.made


async def test_no_more_than_the_limit_run_at_once() -> None:
    limiter, gate = DiffLimiter(concurrency=2, queue_size=10), Gate()
    asked = [asyncio.create_task(limiter.run(number, gate)) for number in range(6)]
    while gate.running < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    gate.opened.set()
    await asyncio.gather(*asked)
    assert (gate.most, gate.made) == (2, 6)


async def test_identical_requests_share_one_diff() -> None:
    limiter, gate = DiffLimiter(), Gate()
    asked = [asyncio.create_task(limiter.run("pair", gate)) for _ in range(50)]
    await asyncio.sleep(0.01)
    asked[0].cancel()
    gate.opened.set()
    assert await asyncio.gather(*asked[1:]) == [1] * 49
    assert await limiter.run("pair", gate) == 2


async def test_a_full_queue_refuses_more() -> None:
    limiter, gate = DiffLimiter(concurrency=1, queue_size=2), Gate()
    asked = [asyncio.create_task(limiter.run(number, gate)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(DiffBusy) as refused:
        await limiter.run("one more", gate)
    assert (refused.value.status, refused.value.retry_after) == (503, 2)
    gate.opened.set()
    await asyncio.gather(*asked)
    assert await limiter.run("later", gate) == 4


async def test_an_error_is_raised_and_the_next_request_runs_again() -> None:
    limiter = DiffLimiter()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await limiter.run("pair", lambda: 1 // 0)
    assert await limiter.run("pair", lambda: 1) == 1
