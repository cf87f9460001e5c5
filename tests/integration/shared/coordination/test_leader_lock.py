"""One copy catches up at a time, for as long as it works."""

import asyncio

import pytest

from shared.coordination import leader_lock
from shared.coordination.leader_lock import run_as_leader
from shared.db import DatabaseUnavailable
from tests.integration.conftest import Pools


class Work:
    """Takes its time; counts how often it was done, and how often given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.done, self.given_up = seconds, 0, 0

    async def __call__(self) -> bool:
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        self.done += 1
        return True


async def test_a_copy_keeps_the_lead_while_it_works(
    pools: Pools,
) -> None:
    long, other = Work(3.0), Work(0.0)
    working = asyncio.create_task(run_as_leader(pools("reports"), long, 1.0))
    await asyncio.sleep(0.3)
    while not working.done():
        assert not await run_as_leader(pools("reports"), other) or working.done()
        await asyncio.sleep(0.1)
    assert await working
    assert (long.done, other.done <= 1) == (1, True)
    assert await run_as_leader(pools("reports"), other)


async def test_a_copy_that_loses_the_lead_gives_up_its_work(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def late(*_: object) -> bool:
        """Whether the work is done, asked as late as by a frozen copy."""
        await asyncio.sleep(1.5)
        return False

    work = Work(30.0)
    monkeypatch.setattr(leader_lock, "_is_done", late)
    with pytest.raises(DatabaseUnavailable):
        await run_as_leader(pools("reports"), work, 0.4)
    assert (work.done, work.given_up) == (0, 1)
