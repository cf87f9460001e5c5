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


class Story:
    """A pool of one thread whose work ends when the test says so."""

    def __init__(self, queue_timeout: float = 6.0) -> None:
        self.pool = FairPool("test", 1, queue_timeout=queue_timeout)
        self.done: list[str] = []
        self._gate = threading.Semaphore(0)

    def let(self, times: int = 1) -> None:
        self._gate.release(times)

    def work(self, name: str) -> Callable[[], str]:
        def working() -> str:
            self._gate.acquire()
            self.done.append(name)
            return name

        return working

    def ask(self, network: str, name: str = "") -> asyncio.Task[str]:
        return asyncio.create_task(self.pool.run(network, self.work(name or network)))

    async def ask_many(self, network: str, times: int) -> list[asyncio.Task[str]]:
        asked = [self.ask(network) for _ in range(times)]
        await asyncio.sleep(0)
        return asked


@pytest_asyncio.fixture
async def story() -> AsyncIterator[Story]:
    made = Story()
    yield made
    made.let(1000)
    await made.pool.close()


@pytest_asyncio.fixture
async def impatient() -> AsyncIterator[Story]:
    made = Story(queue_timeout=0.05)
    yield made
    made.let(1000)
    await made.pool.close()


async def refused(asked: list[asyncio.Task[str]]) -> int:
    """How many of them have been refused by now."""
    await asyncio.sleep(0.01)
    return sum(one.done() and isinstance(one.exception(), PasswordHashingBusy) for one in asked)


async def test_work_answers_or_fails_as_it_would_alone(story: Story) -> None:
    assert await story.pool.run("a", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await story.pool.run("a", lambda: 1 // 0)
    assert await story.pool.run("a", lambda: 8) == 8


async def test_a_burst_from_one_network_costs_another_one_turn(story: Story) -> None:
    burst = await story.ask_many("burst", 60)
    other = story.ask("other")
    await asyncio.sleep(0)
    story.let(3)
    assert await asyncio.wait_for(other, 5) == "other"
    assert story.done.count("burst") <= 2
    assert await refused(burst) == 60 - 1 - MAX_QUEUED_PER_NETWORK


async def test_networks_take_turns_whoever_has_more(story: Story) -> None:
    first = story.ask("first")
    many = await story.ask_many("many", 6)
    few = [story.ask("few", f"few {number}") for number in range(3)]
    await asyncio.sleep(0)
    story.let(100)
    await asyncio.gather(first, *many, *few)
    turns = ["many", "few 0", "many", "few 1", "many", "few 2", "many", "many", "many"]
    assert story.done == ["first", *turns]


async def test_where_all_places_are_taken_the_network_with_most_gives_one_up(story: Story) -> None:
    await story.ask_many("running", 1)
    crowds = [
        await story.ask_many(f"crowd {number}", MAX_QUEUED_PER_NETWORK)
        for number in range(MAX_QUEUED // MAX_QUEUED_PER_NETWORK)
    ]
    newcomers = [(await story.ask_many(f"new {number}", 1))[0] for number in range(6)]
    assert await refused(newcomers) == 0
    assert [await refused(crowd) for crowd in crowds] == [3, 3]
    assert await refused(await story.ask_many("crowd 0", 1)) == 1, "it has more than others"
    story.let(100)
    await asyncio.gather(*newcomers)


async def test_never_more_wait_than_there_are_places(story: Story) -> None:
    await story.ask_many("running", 1)
    asked = [(await story.ask_many(f"network {number}", 1))[0] for number in range(100)]
    assert await refused(asked) == 100 - MAX_QUEUED
    story.let(1000)
    await asyncio.wait(asked)
    assert len(story.done) == 1 + MAX_QUEUED


async def test_who_waits_too_long_is_told_and_not_worked_for(
    impatient: Story,
) -> None:
    story = impatient
    running, waiting = story.ask("a", "running"), story.ask("b", "waiting")
    with pytest.raises(PasswordHashingBusy):
        await waiting
    story.let(2)
    assert await running == "running", "what has begun is waited for"
    assert story.done == ["running"]
    assert (PasswordHashingBusy().status, PasswordHashingBusy().retry_after) == (503, 5)


async def test_nobody_waits_beyond_the_deadline_of_their_command(story: Story) -> None:
    running = story.ask("a", "running")
    await asyncio.sleep(0)
    async with deadline.command(5) as until:
        until.begin_again(0.05)
        until.let_be()  # something was committed before
        waiting = story.ask("b", "waiting")
        with pytest.raises(PasswordHashingBusy):
            await asyncio.wait_for(waiting, 2)
    story.let(2)
    assert await running == "running"
    assert story.done == ["running"]


async def test_who_leaves_gives_the_place_back_but_not_the_thread(story: Story) -> None:
    running, waiting, last = story.ask("a", "running"), story.ask("b", "gone"), story.ask("c")
    await asyncio.sleep(0)
    for leaving in (running, waiting):
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
    await asyncio.sleep(0.02)
    assert story.done == []
    story.let(2)
    assert await asyncio.wait_for(last, 5) == "c"
    assert story.done == ["running", "c"], "a thread can't be stopped"


async def test_who_waits_at_the_end_is_told_at_once(story: Story) -> None:
    running, waiting = story.ask("a", "running"), story.ask("a", "waiting")
    await asyncio.sleep(0)
    await story.pool.close()
    with pytest.raises(PasswordHashingBusy):
        await asyncio.wait_for(waiting, 1)
    story.let()
    assert await running == "running"
