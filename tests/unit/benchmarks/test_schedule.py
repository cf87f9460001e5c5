import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from benchmarks import schedule
from benchmarks.schedule import DidNotFit, after_tick, before_tick, interval, monotonic
from tests.support.people import Person
from tests.support.product import Product


class Asking(Person):
    """Gets the ticks one after the other, and the last one for ever."""

    ticks: list[datetime]

    async def get(self, path: str) -> dict[str, Any]:
        assert path == "/schedule"
        tick = self.ticks.pop(0) if len(self.ticks) > 1 else self.ticks[0]
        return {"next_run_at": tick.isoformat().replace("+00:00", "Z")}


def asking(*seconds: float) -> Asking:
    """Somebody who is told of ticks so far from now."""
    product = Product("http://localhost:1", "http://localhost:2", Path(), 0)
    person = Asking(product, "ann@example.org", httpx2.AsyncClient())
    now = datetime.now(UTC)
    person.ticks = [now + timedelta(seconds=one) for one in seconds]
    return person


def test_few_files_have_time_and_more_have_more() -> None:
    assert [int(interval(files)) for files in (1, 60, 500)] == [15, 15, 63]


def test_a_moment_of_the_calendar_is_one_of_the_clock() -> None:
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    assert monotonic(in_a_minute) == pytest.approx(time.monotonic() + 60, abs=0.5)


async def test_it_waits_until_shortly_before_the_tick() -> None:
    tick = await before_tick(asking(schedule.SHORTLY + 0.2))
    assert 0 < tick - time.monotonic() <= schedule.SHORTLY


async def test_a_tick_that_is_too_close_is_no_beginning() -> None:
    with pytest.raises(DidNotFit, match="tick"):
        await before_tick(asking(schedule.SHORTLY / 2))


async def test_it_waits_until_the_tick_has_done_its_work() -> None:
    person = asking(0.1, 0.1, 0.1, 60)
    begun = time.monotonic()
    await after_tick(person)
    assert time.monotonic() - begun >= 0.09
    assert len(person.ticks) == 1
