"""Slow work on a few threads: what a burst from one network costs others, and what is bounded."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import pytest_asyncio

from services.auth.adapters.fair_pool import (
    MAX_QUEUED,
    MAX_QUEUED_PER_NETWORK,
    FairPool,
    PasswordHashingBusy,
)
from shared import deadline


class PoolHarness:
    """A pool of one thread whose work ends when the test says so."""

    def __init__(self, queue_timeout: float = 6.0) -> None:
        self.pool = FairPool("test", 1, queue_timeout=queue_timeout)
        self.done: list[str] = []
        self._gate = threading.Semaphore(0)

    def release(self, times: int = 1) -> None:
        self._gate.release(times)

    def work(self, name: str) -> Callable[[], str]:
        def working() -> str:
            self._gate.acquire()
            self.done.append(name)
            return name

        return working

    def submit(self, network: str, name: str = "") -> asyncio.Task[str]:
        return asyncio.create_task(self.pool.run(network, self.work(name or network)))

    async def submit_many(self, network: str, times: int) -> list[asyncio.Task[str]]:
        asked = [self.submit(network) for _ in range(times)]
        await asyncio.sleep(0)
        return asked


@pytest_asyncio.fixture
async def harness() -> AsyncIterator[PoolHarness]:
    made = PoolHarness()
    yield made
    made.release(1000)
    await made.pool.close()


@pytest_asyncio.fixture
async def impatient() -> AsyncIterator[PoolHarness]:
    made = PoolHarness(queue_timeout=0.05)
    yield made
    made.release(1000)
    await made.pool.close()


async def refused(asked: list[asyncio.Task[str]]) -> int:
    """How many of them have been refused by now."""
    await asyncio.sleep(0.01)
    return sum(one.done() and isinstance(one.exception(), PasswordHashingBusy) for one in asked)


async def test_work_answers_or_fails_as_it_would_alone(harness: PoolHarness) -> None:
    assert await harness.pool.run("a", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await harness.pool.run("a", lambda: 1 // 0)
    assert await harness.pool.run("a", lambda: 8) == 8


async def test_a_burst_from_one_network_costs_another_one_turn(harness: PoolHarness) -> None:
    burst = await harness.submit_many("burst", 60)
    other = harness.submit("other")
    await asyncio.sleep(0)
    harness.release(3)
    assert await asyncio.wait_for(other, 5) == "other"
    assert harness.done.count("burst") <= 2
    assert await refused(burst) == 60 - 1 - MAX_QUEUED_PER_NETWORK


async def test_networks_take_turns_whoever_has_more(harness: PoolHarness) -> None:
    first = harness.submit("first")
    many = await harness.submit_many("many", 6)
    few = [harness.submit("few", f"few {number}") for number in range(3)]
    await asyncio.sleep(0)
    harness.release(100)
    await asyncio.gather(first, *many, *few)
    turns = ["many", "few 0", "many", "few 1", "many", "few 2", "many", "many", "many"]
    assert harness.done == ["first", *turns]


async def test_where_all_places_are_taken_the_network_with_most_gives_one_up(
    harness: PoolHarness,
) -> None:
    await harness.submit_many("running", 1)
    crowds = [
        await harness.submit_many(f"crowd {number}", MAX_QUEUED_PER_NETWORK)
        for number in range(MAX_QUEUED // MAX_QUEUED_PER_NETWORK)
    ]
    newcomers = [(await harness.submit_many(f"new {number}", 1))[0] for number in range(6)]
    assert await refused(newcomers) == 0
    assert [await refused(crowd) for crowd in crowds] == [3, 3]
    assert await refused(await harness.submit_many("crowd 0", 1)) == 1, "it has more than others"
    harness.release(100)
    await asyncio.gather(*newcomers)


async def test_never_more_wait_than_there_are_places(harness: PoolHarness) -> None:
    await harness.submit_many("running", 1)
    asked = [(await harness.submit_many(f"network {number}", 1))[0] for number in range(100)]
    assert await refused(asked) == 100 - MAX_QUEUED
    harness.release(1000)
    await asyncio.wait(asked)
    assert len(harness.done) == 1 + MAX_QUEUED


async def test_who_waits_too_long_is_told_and_not_worked_for(
    impatient: PoolHarness,
) -> None:
    harness = impatient
    running, waiting = harness.submit("a", "running"), harness.submit("b", "waiting")
    with pytest.raises(PasswordHashingBusy):
        await waiting
    harness.release(2)
    assert await running == "running", "what has begun is waited for"
    assert harness.done == ["running"]
    assert (PasswordHashingBusy().status, PasswordHashingBusy().retry_after) == (503, 5)


async def test_nobody_waits_beyond_the_deadline_of_their_command(harness: PoolHarness) -> None:
    running = harness.submit("a", "running")
    await asyncio.sleep(0)
    async with deadline.command(5) as until:
        until.restart(0.05)
        until.stop_cancelling()  # something was committed before
        waiting = harness.submit("b", "waiting")
        with pytest.raises(PasswordHashingBusy):
            await asyncio.wait_for(waiting, 2)
    harness.release(2)
    assert await running == "running"
    assert harness.done == ["running"]


async def test_who_leaves_gives_the_place_back_but_not_the_thread(harness: PoolHarness) -> None:
    running, waiting, last = (
        harness.submit("a", "running"),
        harness.submit("b", "gone"),
        harness.submit("c"),
    )
    await asyncio.sleep(0)
    for leaving in (running, waiting):
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
    await asyncio.sleep(0.02)
    assert harness.done == []
    harness.release(2)
    assert await asyncio.wait_for(last, 5) == "c"
    assert harness.done == ["running", "c"], "a thread can't be stopped"


async def test_who_waits_at_the_end_is_told_at_once(harness: PoolHarness) -> None:
    running, waiting = harness.submit("a", "running"), harness.submit("a", "waiting")
    await asyncio.sleep(0)
    await harness.pool.close()
    with pytest.raises(PasswordHashingBusy):
        await asyncio.wait_for(waiting, 1)
    harness.release()
    assert await running == "running"
