"""Background loops: they outlive faults, and they end when asked to."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from shared import runtime
from shared.errors import Unavailable
from shared.runtime import Loop, running
from tests.support.waiting import eventually

Step = Callable[[], Awaitable[bool]]


class Story:
    """A step that does what it is told, one thing after the other, then nothing more."""

    def __init__(self, *acts: bool | BaseException) -> None:
        self.acts, self.times = list(acts), list[float]()

    async def step(self) -> bool:
        self.times.append(time.monotonic())
        act = self.acts.pop(0) if self.acts else False
        if isinstance(act, BaseException):
            raise act
        return act

    def pauses(self) -> list[float]:
        return [b - a for a, b in zip(self.times, self.times[1:], strict=False)]

    async def done(self) -> bool:
        return not self.acts


async def test_work_is_done_at_once_until_there_is_none() -> None:
    story = Story(True, True, True, True)
    async with running([Loop("busy", story.step, pause=60)]):
        await eventually(story.done, 2)
    assert max(story.pauses()) < 0.1


async def test_an_idle_loop_rests_for_its_pause() -> None:
    story = Story(False, False)
    async with running([Loop("idle", story.step, pause=0.1)]):
        await eventually(story.done, 2)
    assert story.pauses()[0] >= 0.09


async def test_a_doorbell_ends_the_rest() -> None:
    story, bell = Story(False, False), asyncio.Event()
    async with running([Loop("idle", story.step, pause=60, doorbell=bell)]):
        await eventually(lambda: _true(len(story.times) == 1), 2)
        bell.set()
        await eventually(lambda: _true(len(story.times) == 2), 2)


async def test_a_bell_that_rings_during_a_step_is_not_forgotten() -> None:
    bell, calls = asyncio.Event(), 0

    async def step() -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            bell.set()
        return False

    async with running([Loop("idle", step, pause=60, doorbell=bell)]):
        await eventually(lambda: _true(calls == 2), 2)


async def test_a_fault_is_waited_out_and_the_loop_goes_on() -> None:
    faults: list[BaseException] = [
        RuntimeError("bug"),
        Unavailable(),
        asyncio.CancelledError(),  # aio-pika cancels the waiters of a channel that died
        OSError("no route"),
    ]
    stories = [Story(fault, True) for fault in faults]
    async with running([Loop("troubled", story.step, pause=0.01) for story in stories]):
        for story in stories:
            await eventually(story.done, 5)
    for fault, story in zip(faults, stories, strict=True):
        assert 0.9 < story.pauses()[0] < 2, fault


@pytest.mark.parametrize(
    ("fault", "pauses"),
    [
        (RuntimeError("bug"), [1, 2, 4, 8, 16, 30, 30, 30]),
        (Unavailable(), [1] * 8),
        (OSError("no route"), [1] * 8),
        (asyncio.CancelledError(), [1] * 8),
    ],
    ids=repr,
)
async def test_each_fault_in_a_row_is_waited_out_longer(
    monkeypatch: pytest.MonkeyPatch, fault: BaseException, pauses: list[float]
) -> None:
    """But what is away may be back at any moment."""
    rests: list[float] = []

    async def rest(_: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(runtime, "_wait", rest)
    story = Story(*[fault] * 8, True, fault)
    async with running([Loop("troubled", story.step, pause=7)]):
        await eventually(story.done, 2)
        await eventually(lambda: _true(len(rests) > 9), 2)
    assert rests[:10] == [*pauses, 1, 7]


async def test_a_loop_is_told_of_the_signal_in_the_middle_of_a_step() -> None:
    begun, told, stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def step() -> bool:
        begun.set()
        await told.wait()
        return True

    async with running([Loop("busy", step, stop=told.set)], stopping):
        await asyncio.wait_for(begun.wait(), 2)
        assert not told.is_set()
        stopping.set()
        await asyncio.wait_for(told.wait(), 2)


async def test_loops_do_not_disturb_each_other() -> None:
    broken, busy = Story(*[RuntimeError("bug")] * 9), Story(*[True] * 50)
    async with running([Loop("broken", broken.step), Loop("busy", busy.step)]):
        await eventually(busy.done, 2)


async def test_a_step_in_the_making_is_finished_before_the_end() -> None:
    story: list[str] = []

    async def step() -> bool:
        story.append("begun")
        await asyncio.sleep(0.2)
        story.append("done")
        return True

    async def close() -> None:
        story.append("closed")

    async with running([Loop("working", step, close=close)]):
        await eventually(lambda: _true(bool(story)), 2)
    assert story == ["begun", "done", "closed"]


async def test_a_resting_loop_ends_at_once_also_when_it_waits_out_a_fault() -> None:
    idle, broken = Story(False), Story(*[RuntimeError("bug")] * 9)
    started = time.monotonic()
    async with running([Loop("idle", idle.step, pause=60), Loop("broken", broken.step)]):
        await eventually(lambda: _true(bool(idle.times and broken.times)), 2)
    assert time.monotonic() - started < 1


async def test_a_step_that_never_ends_is_cancelled_after_the_time_out() -> None:
    ends: list[str] = []

    async def step() -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return True

    async def close() -> None:
        ends.append("closed")

    async with running([Loop("stuck", step, close=close)], shutdown_timeout=0.2):
        await asyncio.sleep(0.05)
    assert ends == ["cancelled", "closed"]


async def test_a_close_that_fails_does_not_keep_the_others_open() -> None:
    closed: list[str] = []

    async def fail() -> None:
        raise RuntimeError("bug")

    async def close() -> None:
        closed.append("second")

    story = Story(False)
    async with running([Loop("a", story.step, close=fail), Loop("b", story.step, close=close)]):
        pass
    assert closed == ["second"]


async def _true(condition: bool) -> bool:
    return condition
