"""Comparing costs: a few at a time, each once, and no endless queue."""

import asyncio
import threading

import pytest

from services.files.comparing import Comparing, DiffBusy


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


async def test_only_so_many_are_made_at_once() -> None:
    comparing, gate = Comparing(at_once=2, waiting=10), Gate()
    asked = [asyncio.create_task(comparing.made(number, gate)) for number in range(6)]
    while gate.running < 2:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    gate.opened.set()
    await asyncio.gather(*asked)
    assert (gate.most, gate.made) == (2, 6)


async def test_the_same_one_is_made_once_for_all_who_ask_meanwhile() -> None:
    comparing, gate = Comparing(), Gate()
    asked = [asyncio.create_task(comparing.made("pair", gate)) for _ in range(50)]
    await asyncio.sleep(0.01)
    asked[0].cancel()
    gate.opened.set()
    assert await asyncio.gather(*asked[1:]) == [1] * 49
    assert await comparing.made("pair", gate) == 2


async def test_who_would_wait_too_long_is_told_to_come_again() -> None:
    comparing, gate = Comparing(at_once=1, waiting=2), Gate()
    asked = [asyncio.create_task(comparing.made(number, gate)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(DiffBusy) as refused:
        await comparing.made("one more", gate)
    assert (refused.value.status, refused.value.retry_after) == (503, 2)
    gate.opened.set()
    await asyncio.gather(*asked)
    assert await comparing.made("later", gate) == 4


async def test_a_comparison_that_fails_is_told_and_tried_anew() -> None:
    comparing = Comparing()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await comparing.made("pair", lambda: 1 // 0)
    assert await comparing.made("pair", lambda: 1) == 1
