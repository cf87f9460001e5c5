"""One copy catches up at a time, for as long as it works."""

import asyncio

import pytest

from shared import leading
from shared.db import DatabaseAway
from shared.leading import while_leading
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
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "SILENCE", 1.0)
    long, other = Work(3.0), Work(0.0)
    working = asyncio.create_task(while_leading(pools("reports"), long))
    await asyncio.sleep(0.3)
    while not working.done():
        assert not await while_leading(pools("reports"), other) or working.done()
        await asyncio.sleep(0.1)
    assert await working
    assert (long.done, other.done <= 1) == (1, True)
    assert await while_leading(pools("reports"), other)


async def test_a_copy_that_loses_the_lead_gives_up_its_work(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "SILENCE", 0.4)

    async def late(_: object) -> bool:
        """Whether the work is done, asked as late as by a frozen copy."""
        await asyncio.sleep(1.5)
        return False

    work = Work(30.0)
    monkeypatch.setattr(leading, "_is_done", late)
    with pytest.raises(DatabaseAway):
        await while_leading(pools("reports"), work)
    assert (work.done, work.given_up) == (0, 1)
