"""Slow files, and the people who need not wait for them."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.checker.claims import claiming, due_files
from services.checker.claims.claiming import CLAIM_BYTES, LARGE
from services.checker.linting.ruff import Ruff
from services.checker.sandbox.limited_process import Limits
from services.checker.scheduling.runs import ALLOWANCE
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import CheckFailed, FileChecked
from shared.runtime import Loop, running
from tests.integration.checker.story import CLEAN, UNTIDY, Story
from tests.support.copies import present_copy
from tests.support.events import ANN, BOB

MIB = 1 << 20
# A ruff that tells of each file as it begins it, and takes its time for some: of the processor for
# what is `slow`, by the clock for what `sleeps`. It may write nothing, but make folders.
SLOW_RUFF = """#!{python} -IS
import os, sys, time
for name in sys.argv[1:]:
    if not (name.startswith("0") and name.endswith(".py")):
        continue
    sys.stderr.write(f"Checking: {{os.getcwd()}}/{{name}}\\n")
    sys.stderr.flush()
    with open(name, encoding="utf-8") as file:
        word = file.readline().split(" ")[0].strip()
    if word == "breaks":
        os.abort()
    if word == "slow":
        os.mkdir(f"{folder}/{{os.getpid()}}-{{name}}")
    if word in ("slow", "endless"):
        end = time.process_time() + (2 if word == "slow" else 1000)
        while time.process_time() < end:
            pass
    if word == "sleeps":
        time.sleep(2)
os.execv("{real}", ["{real}", *sys.argv[1:]])
"""


class SlowRuff:
    """A ruff that is slow for files in which `slow` stands, and how often it was."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs"
        self._runs.mkdir()
        binary, real = folder / "slow-ruff", Ruff().binary
        script = SLOW_RUFF.format(python=sys.executable, folder=self._runs, real=real)
        binary.write_text(script)
        binary.chmod(0o755)
        limits, hurry = Limits(seconds=4, waits=10), Limits(seconds=1, waits=10)
        self.ruff = Ruff(binary, limits=limits, hurry=hurry)

    @property
    def times(self) -> int:
        return len(list(self._runs.iterdir()))


@pytest.fixture
def slow(tmp_path: Path) -> SlowRuff:
    return SlowRuff(tmp_path)


async def _slow(story: Story, number: int = 0, user_id: UUID = ANN) -> UUID:
    file_id = uuid4()
    await story.save(file_id, f"slow = {number}\n".encode(), user_id=user_id)
    return file_id


async def _finish_quick(scheduler: Scheduler) -> None:
    while await scheduler.step():
        pass


async def test_nobody_waits_for_a_slow_file_and_it_is_checked_all_the_same(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, other = story.scheduler(ruff=slow.ruff), uuid4()
    slow_file = await _slow(story)
    await story.save(other, UNTIDY, user_id=BOB)
    await _finish_quick(scheduler)
    assert len(await story.results(other)) == 1
    assert await story.results(slow_file) == []
    assert await story.claimed() == 0
    assert scheduler.bells["slow"].is_set()
    assert await scheduler.slow_step()
    [result] = await story.results(slow_file)
    assert isinstance(result, FileChecked)
    assert not await scheduler.slow_step()


async def test_what_has_no_end_fails_in_the_end(story: Story, slow: SlowRuff) -> None:
    scheduler, file_id = story.scheduler(ruff=slow.ruff), uuid4()
    await story.save(file_id, b"endless\n")
    await _finish_quick(scheduler)
    assert await scheduler.slow_step()
    [failure] = await story.results(file_id)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "timeout"


async def test_the_time_in_which_a_run_had_no_processor_counts_for_nobody(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, file_id = story.scheduler(ruff=slow.ruff), uuid4()
    await story.save(file_id, b"sleeps\n")
    await _finish_quick(scheduler)
    assert len(await story.results(file_id)) == 1
    assert scheduler._checking.spent_of_others.people() == []
    async with story.database.transaction() as connection:
        assert (await connection.scalars(text("SELECT slow FROM versions"))).all() == [None]


async def test_a_busy_machine_fails_no_file(story: Story, slow: SlowRuff) -> None:
    """What it had no time for waits for a while."""
    busy = Limits(seconds=1)
    scheduler = story.scheduler(ruff=replace(slow.ruff, limits=busy, hurry=busy))
    file_id = uuid4()
    await story.save(file_id, b"sleeps\n")
    await _finish_quick(scheduler)
    assert await scheduler.slow_step()
    assert await story.results(file_id) == []
    assert await story.claimed() == 0
    idle = story.scheduler(ruff=slow.ruff)
    assert await idle.slow_step()
    [result] = await story.results(file_id)
    assert isinstance(result, FileChecked)


async def test_what_never_gets_its_time_fails_in_the_end(
    story: Story, slow: SlowRuff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_files, "PATIENCE", 2)
    busy = Limits(seconds=1)
    scheduler = story.scheduler(ruff=replace(slow.ruff, limits=busy, hurry=busy))
    file_id = uuid4()
    await story.save(file_id, b"sleeps\n")
    await _finish_quick(scheduler)
    for _ in range(2):
        assert await scheduler.slow_step()
        assert await story.results(file_id) == []
    assert not await scheduler.slow_step()
    story.now += timedelta(seconds=6)
    assert await scheduler.slow_step()
    [failure] = await story.results(file_id)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "timeout"


async def test_what_breaks_a_run_among_others_is_tried_again_apart(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, bad, good = story.scheduler(ruff=slow.ruff), uuid4(), uuid4()
    await story.save(bad, b"breaks\n")
    await story.save(good, CLEAN, user_id=BOB)
    await _finish_quick(scheduler)
    assert [len(await story.results(file_id)) for file_id in (bad, good)] == [0, 1]
    assert await scheduler.slow_step()
    [failure] = await story.results(bad)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "crashed"


async def test_the_same_bytes_are_known_to_be_slow(story: Story, slow: SlowRuff) -> None:
    scheduler = story.scheduler(ruff=slow.ruff)
    await _slow(story)
    await _finish_quick(scheduler)
    await scheduler.slow_step()
    times = slow.times
    assert times == 2
    again = await _slow(story, user_id=BOB)
    heirs = story.scheduler(ruff=slow.ruff)  # another copy knows it, too
    await _finish_quick(heirs)
    assert slow.times == times  # nobody has waited for it
    assert await heirs.slow_step()
    assert len(await story.results(again)) == 1


async def test_who_has_spent_much_time_waits_apart_from_the_others(
    story: Story, slow: SlowRuff
) -> None:
    scheduler = story.scheduler(ruff=slow.ruff)
    mine = uuid4()
    await story.save(mine, CLEAN)
    scheduler._checking.spent_of_others.add(ANN, ALLOWANCE + 1)
    others = uuid4()
    await story.save(others, UNTIDY, user_id=BOB)
    await _finish_quick(scheduler)
    assert await story.results(mine) == []
    assert len(await story.results(others)) == 1
    assert await scheduler.slow_step()
    assert len(await story.results(mine)) == 1


async def test_slow_files_of_one_person_are_soon_run_apart_whatever_their_bytes(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, bob = story.scheduler(ruff=slow.ruff), list[UUID]()
    for number in range(12):
        await _slow(story, number)
    while await scheduler.step():
        bob.append(uuid4())
        await story.save(bob[-1], CLEAN + f"# {len(bob)}\n".encode(), user_id=BOB)
        if len(bob) > 10:
            break
    assert 0 < slow.times <= 6  # of twelve, before it was plain who is slow
    assert len(await story.results(bob[-2])) == 1


async def test_the_lane_of_the_slow_goes_round_by_person(story: Story, slow: SlowRuff) -> None:
    scheduler = story.scheduler(ruff=slow.ruff)
    anns = [await _slow(story, number) for number in range(3)]
    await _finish_quick(scheduler)
    bobs = await _slow(story, 99, BOB)
    await _finish_quick(scheduler)
    for _ in range(2):
        await scheduler.slow_step()
    assert len(await story.results(bobs)) == 1
    assert sum([len(await story.results(file_id)) for file_id in anns]) == 1


async def test_the_lanes_leave_each_others_claims_alone(story: Story, slow: SlowRuff) -> None:
    scheduler = story.scheduler(ruff=slow.ruff)
    slow_file, reached, go_on = await _slow(story), asyncio.Event(), asyncio.Event()
    await _finish_quick(scheduler)

    async def hang() -> None:
        reached.set()
        await go_on.wait()

    story.shelf.during = hang
    working = asyncio.create_task(scheduler.slow_step())
    await asyncio.wait_for(reached.wait(), 20)
    other = uuid4()
    await story.save(other, UNTIDY)
    await story.save(slow_file, CLEAN, 2)
    await _finish_quick(scheduler)
    assert len(await story.results(other)) == 1
    assert await story.claimed() == 1
    go_on.set()
    await working
    await _finish_quick(scheduler)
    assert [result.version for result in await story.results(slow_file)] == [1, 2]


async def test_a_slow_check_that_is_stopped_gives_its_file_back(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, reached = story.scheduler(ruff=slow.ruff), asyncio.Event()
    await _slow(story)
    await _finish_quick(scheduler)

    async def forever() -> None:
        reached.set()
        await asyncio.Event().wait()

    story.shelf.during = forever
    working = asyncio.create_task(scheduler.slow_step())
    await asyncio.wait_for(reached.wait(), 20)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    assert await story.claimed() == 0


async def test_nothing_slow_is_begun_beside_a_suspect(story: Story, slow: SlowRuff) -> None:
    scheduler, suspect = story.scheduler(ruff=slow.ruff), uuid4()
    slow_file = await _slow(story)
    await _finish_quick(scheduler)
    await story.save(suspect, UNTIDY)
    await _suspect(story, suspect)
    assert not await scheduler.slow_step()
    await scheduler.step()
    assert len(await story.results(suspect)) == 1
    assert await scheduler.slow_step()
    assert len(await story.results(slow_file)) == 1


async def _suspect(story: Story, file_id: UUID) -> None:
    async with story.database.transaction() as connection:
        query = "UPDATE versions SET deaths = :deaths WHERE file_id = :id"
        await connection.execute(text(query), {"id": file_id, "deaths": claiming.SUSPECT})


async def test_nothing_slow_is_begun_while_a_suspect_is_checked(
    story: Story, slow: SlowRuff
) -> None:
    scheduler, suspect, begun = story.scheduler(ruff=slow.ruff), uuid4(), list[bool]()
    await _slow(story)
    await _finish_quick(scheduler)
    await story.save(suspect, UNTIDY)
    await _suspect(story, suspect)

    async def look() -> None:
        begun.append(await scheduler.slow_step())

    story.shelf.during = look
    await scheduler.step()
    assert len(await story.results(suspect)) == 1
    assert begun == [False]
    assert await scheduler.slow_step()


@pytest.mark.parametrize("known", [True, False])
async def test_a_slow_suspect_is_alone_as_well(story: Story, slow: SlowRuff, known: bool) -> None:
    scheduler, suspect = story.scheduler(ruff=slow.ruff), await _slow(story)
    if known:
        await _finish_quick(scheduler)
    await _suspect(story, suspect)
    assert not await scheduler.slow_step()
    assert await scheduler.step()
    [result] = await story.results(suspect)
    assert isinstance(result, FileChecked)


async def test_a_suspect_that_was_not_alone_is_looked_at_when_it_is(story: Story) -> None:
    copy = present_copy(story.database)
    scheduler, large, suspect = story.scheduler(copy=copy), uuid4(), uuid4()
    await story.save(large, CLEAN.ljust(LARGE + 1, b"\n"))

    async def meanwhile() -> None:
        await story.save(suspect, UNTIDY)
        await _suspect(story, suspect)
        assert not await scheduler.step()
        copy.doorbell.clear()

    story.shelf.during = meanwhile
    assert await scheduler.large_step()
    assert copy.doorbell.is_set()
    assert await scheduler.step()
    assert len(await story.results(suspect)) == 1


async def test_what_a_lane_leaves_to_another_is_done_before_the_next_tick(
    story: Story, slow: SlowRuff
) -> None:
    """A large file is put aside, and its next version is quick."""
    copy, file_id = present_copy(story.database), uuid4()
    scheduler = story.scheduler(copy=copy, ruff=slow.ruff)
    await story.save(file_id, b"slow = 1\n".ljust(LARGE + 1, b"\n"))
    await story.save(file_id, CLEAN, 2)
    loops = [
        Loop("quick", scheduler.step, pause=1000, doorbell=copy.doorbell),
        Loop("large", scheduler.large_step, pause=1000, doorbell=scheduler.bells["large"]),
        Loop("slow", scheduler.slow_step, pause=1000, doorbell=scheduler.bells["slow"]),
    ]
    async with running(loops), asyncio.timeout(60):
        while len(await story.results(file_id)) < 2:
            await asyncio.sleep(0.1)


async def test_lanes_without_work_come_to_rest(story: Story) -> None:
    copy = present_copy(story.database)
    scheduler = story.scheduler(copy=copy)
    assert not await scheduler.large_step()
    assert not await scheduler.slow_step()
    assert not any(bell.is_set() for bell in (copy.doorbell, *scheduler.bells.values()))
    assert not await scheduler.step()
    assert not copy.doorbell.is_set()


async def test_nobody_waits_for_a_large_file(story: Story, slow: SlowRuff) -> None:
    scheduler, large, small = story.scheduler(ruff=slow.ruff), uuid4(), uuid4()
    await story.save(large, CLEAN.ljust(LARGE + 1, b"\n"))
    await story.save(small, CLEAN, user_id=BOB)
    await _finish_quick(scheduler)
    assert [len(await story.results(file_id)) for file_id in (small, large)] == [1, 0]
    assert await scheduler.large_step()
    assert len(await story.results(large)) == 1


@pytest.mark.parametrize("size", [MIB, MIB - 1, 40 * MIB])
async def test_a_claim_is_bounded_by_bytes(story: Story, size: int) -> None:
    for number in range(40):
        await story.save(uuid4(), f"x = {number}\n".encode())
    async with story.database.transaction() as connection:
        await connection.execute(text("UPDATE versions SET size = :size"), {"size": size})
        claimed = await claiming.claim(connection, 1, 100, story.now, "large")
    assert len(claimed) == max(1, CLAIM_BYTES // size)
