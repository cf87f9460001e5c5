"""The queues of the checker: large, slow and quarantined files, which others do not wait for."""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.checker.claims import claiming
from services.checker.claims.claiming import LARGE_BYTES, MAX_CLAIM_BYTES
from services.checker.linting.ruff import Ruff
from services.checker.sandbox.limited_process import ProcessLimits
from services.checker.scheduling.cpu_usage import HEAVY_SECONDS
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import CheckFailed, FileChecked
from shared.runtime import Loop, running
from tests.integration.checker.harness import CLEAN, UNTIDY, CheckerHarness
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
    """A ruff that is slow for files with `slow` in them, and counts them."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs"
        self._runs.mkdir()
        binary, real = folder / "slow-ruff", Ruff().binary
        script = SLOW_RUFF.format(python=sys.executable, folder=self._runs, real=real)
        binary.write_text(script)
        binary.chmod(0o755)
        limits, quick_limits = (
            ProcessLimits(seconds=4, wall_factor=10),
            ProcessLimits(seconds=1, wall_factor=10),
        )
        self.ruff = Ruff(binary, limits=limits, quick_limits=quick_limits)

    @property
    def times(self) -> int:
        return len(list(self._runs.iterdir()))


@pytest.fixture
def slow(tmp_path: Path) -> SlowRuff:
    return SlowRuff(tmp_path)


async def _save_slow(checker: CheckerHarness, number: int = 0, user_id: UUID = ANN) -> UUID:
    file_id = uuid4()
    await checker.save(file_id, f"slow = {number}\n".encode(), user_id=user_id)
    return file_id


async def finish_quick(scheduler: Scheduler) -> None:
    while await scheduler.step():
        pass


async def test_nobody_waits_for_a_slow_file_and_it_is_checked_all_the_same(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, other = checker.scheduler(ruff=slow.ruff), uuid4()
    slow_file = await _save_slow(checker)
    await checker.save(other, UNTIDY, user_id=BOB)
    await finish_quick(scheduler)
    assert len(await checker.results(other)) == 1
    assert await checker.results(slow_file) == []
    assert await checker.count_claims() == 0
    assert scheduler.doorbells["slow"].is_set()
    assert await scheduler.slow_step()
    [result] = await checker.results(slow_file)
    assert isinstance(result, FileChecked)
    assert not await scheduler.slow_step()


async def test_a_check_without_end_fails_by_timeout(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, file_id = checker.scheduler(ruff=slow.ruff), uuid4()
    await checker.save(file_id, b"endless\n")
    await finish_quick(scheduler)
    assert await scheduler.slow_step()
    [failure] = await checker.results(file_id)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "timeout"


async def test_time_without_the_processor_is_not_counted_as_usage(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, file_id = checker.scheduler(ruff=slow.ruff), uuid4()
    await checker.save(file_id, b"sleeps\n")
    await finish_quick(scheduler)
    assert len(await checker.results(file_id)) == 1
    assert scheduler._runner.shared_usage.users() == []
    async with checker.database.transaction() as connection:
        assert (await connection.scalars(text("SELECT slow FROM versions"))).all() == [None]


async def test_a_busy_machine_postpones_a_check(checker: CheckerHarness, slow: SlowRuff) -> None:
    """It is checked later."""
    busy = ProcessLimits(seconds=1)
    scheduler = checker.scheduler(ruff=replace(slow.ruff, limits=busy, quick_limits=busy))
    file_id = uuid4()
    await checker.save(file_id, b"sleeps\n")
    await finish_quick(scheduler)
    assert await scheduler.slow_step()
    assert await checker.results(file_id) == []
    assert await checker.count_claims() == 0
    idle = checker.scheduler(ruff=slow.ruff)
    assert await idle.slow_step()
    [result] = await checker.results(file_id)
    assert isinstance(result, FileChecked)


async def test_a_check_postponed_too_often_fails(checker: CheckerHarness, slow: SlowRuff) -> None:
    busy = ProcessLimits(seconds=1)
    ruff = replace(slow.ruff, limits=busy, quick_limits=busy)
    scheduler = checker.scheduler(ruff=ruff, max_postponements=2)
    file_id = uuid4()
    await checker.save(file_id, b"sleeps\n")
    await finish_quick(scheduler)
    for _ in range(2):
        assert await scheduler.slow_step()
        assert await checker.results(file_id) == []
    assert not await scheduler.slow_step()
    checker.now += timedelta(seconds=6)
    assert await scheduler.slow_step()
    [failure] = await checker.results(file_id)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "timeout"


async def test_a_file_that_breaks_a_run_is_run_again_in_the_slow_queue(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, bad, good = checker.scheduler(ruff=slow.ruff), uuid4(), uuid4()
    await checker.save(bad, b"breaks\n")
    await checker.save(good, CLEAN, user_id=BOB)
    await finish_quick(scheduler)
    assert [len(await checker.results(file_id)) for file_id in (bad, good)] == [0, 1]
    assert await scheduler.slow_step()
    [failure] = await checker.results(bad)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "crashed"


async def test_a_file_with_the_same_contents_as_a_slow_one_is_slow(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler = checker.scheduler(ruff=slow.ruff)
    await _save_slow(checker)
    await finish_quick(scheduler)
    await scheduler.slow_step()
    times = slow.times
    assert times == 2
    again = await _save_slow(checker, user_id=BOB)
    heirs = checker.scheduler(ruff=slow.ruff)  # another copy knows it, too
    await finish_quick(heirs)
    assert slow.times == times  # nobody has waited for it
    assert await heirs.slow_step()
    assert len(await checker.results(again)) == 1


async def test_files_of_a_heavy_user_are_in_the_slow_queue(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler = checker.scheduler(ruff=slow.ruff)
    mine = uuid4()
    await checker.save(mine, CLEAN)
    scheduler._runner.shared_usage.add(ANN, HEAVY_SECONDS + 1)
    others = uuid4()
    await checker.save(others, UNTIDY, user_id=BOB)
    await finish_quick(scheduler)
    assert await checker.results(mine) == []
    assert len(await checker.results(others)) == 1
    assert await scheduler.slow_step()
    assert len(await checker.results(mine)) == 1


async def test_a_user_with_slow_files_is_soon_heavy_whatever_their_contents(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, bob = checker.scheduler(ruff=slow.ruff), list[UUID]()
    for number in range(12):
        await _save_slow(checker, number)
    while await scheduler.step():
        bob.append(uuid4())
        await checker.save(bob[-1], CLEAN + f"# {len(bob)}\n".encode(), user_id=BOB)
        if len(bob) > 10:
            break
    assert 0 < slow.times <= 6  # of twelve, before it was plain who is slow
    assert len(await checker.results(bob[-2])) == 1


async def test_users_take_turns_in_the_slow_queue(checker: CheckerHarness, slow: SlowRuff) -> None:
    scheduler = checker.scheduler(ruff=slow.ruff)
    anns = [await _save_slow(checker, number) for number in range(3)]
    await finish_quick(scheduler)
    bobs = await _save_slow(checker, 99, BOB)
    await finish_quick(scheduler)
    for _ in range(2):
        await scheduler.slow_step()
    assert len(await checker.results(bobs)) == 1
    assert sum([len(await checker.results(file_id)) for file_id in anns]) == 1


async def test_a_claim_of_one_queue_does_not_end_those_of_another(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler = checker.scheduler(ruff=slow.ruff)
    slow_file, reached, go_on = await _save_slow(checker), asyncio.Event(), asyncio.Event()
    await finish_quick(scheduler)

    async def hang() -> None:
        reached.set()
        await go_on.wait()

    checker.contents.during = hang
    working = asyncio.create_task(scheduler.slow_step())
    await asyncio.wait_for(reached.wait(), 20)
    other = uuid4()
    await checker.save(other, UNTIDY)
    await checker.save(slow_file, CLEAN, 2)
    await finish_quick(scheduler)
    assert len(await checker.results(other)) == 1
    assert await checker.count_claims() == 1
    go_on.set()
    await working
    await finish_quick(scheduler)
    assert [result.version for result in await checker.results(slow_file)] == [1, 2]


async def test_a_cancelled_slow_check_releases_its_file(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, reached = checker.scheduler(ruff=slow.ruff), asyncio.Event()
    await _save_slow(checker)
    await finish_quick(scheduler)

    async def forever() -> None:
        reached.set()
        await asyncio.Event().wait()

    checker.contents.during = forever
    working = asyncio.create_task(scheduler.slow_step())
    await asyncio.wait_for(reached.wait(), 20)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    assert await checker.count_claims() == 0


async def test_no_slow_check_begins_while_a_quarantined_version_waits(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, quarantined = checker.scheduler(ruff=slow.ruff), uuid4()
    slow_file = await _save_slow(checker)
    await finish_quick(scheduler)
    await checker.save(quarantined, UNTIDY)
    await quarantine(checker, quarantined)
    assert not await scheduler.slow_step()
    await scheduler.step()
    assert len(await checker.results(quarantined)) == 1
    assert await scheduler.slow_step()
    assert len(await checker.results(slow_file)) == 1


async def quarantine(checker: CheckerHarness, file_id: UUID) -> None:
    async with checker.database.transaction() as connection:
        query = "UPDATE versions SET deaths = :deaths WHERE file_id = :id"
        await connection.execute(
            text(query), {"id": file_id, "deaths": claiming.DEATHS_BEFORE_QUARANTINE}
        )


async def test_no_slow_check_begins_while_a_quarantined_version_is_checked(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    scheduler, quarantined, begun = checker.scheduler(ruff=slow.ruff), uuid4(), list[bool]()
    await _save_slow(checker)
    await finish_quick(scheduler)
    await checker.save(quarantined, UNTIDY)
    await quarantine(checker, quarantined)

    async def look() -> None:
        begun.append(await scheduler.slow_step())

    checker.contents.during = look
    await scheduler.step()
    assert len(await checker.results(quarantined)) == 1
    assert begun == [False]
    assert await scheduler.slow_step()


@pytest.mark.parametrize("known", [True, False])
async def test_a_slow_quarantined_version_is_checked_alone_as_well(
    checker: CheckerHarness, slow: SlowRuff, known: bool
) -> None:
    scheduler, quarantined = checker.scheduler(ruff=slow.ruff), await _save_slow(checker)
    if known:
        await finish_quick(scheduler)
    await quarantine(checker, quarantined)
    assert not await scheduler.slow_step()
    assert await scheduler.step()
    [result] = await checker.results(quarantined)
    assert isinstance(result, FileChecked)


async def test_a_quarantined_version_is_checked_when_the_other_checks_have_ended(
    checker: CheckerHarness,
) -> None:
    copy = present_copy(checker.database)
    scheduler, large, quarantined = checker.scheduler(copy=copy), uuid4(), uuid4()
    await checker.save(large, CLEAN.ljust(LARGE_BYTES + 1, b"\n"))

    async def meanwhile() -> None:
        await checker.save(quarantined, UNTIDY)
        await quarantine(checker, quarantined)
        assert not await scheduler.step()
        copy.doorbell.clear()

    checker.contents.during = meanwhile
    assert await scheduler.large_step()
    assert copy.doorbell.is_set()
    assert await scheduler.step()
    assert len(await checker.results(quarantined)) == 1


async def test_a_file_moved_to_another_queue_is_checked_before_the_next_tick(
    checker: CheckerHarness, slow: SlowRuff
) -> None:
    """A large file is moved to the slow queue, and its next version is quick."""
    copy, file_id = present_copy(checker.database), uuid4()
    scheduler = checker.scheduler(copy=copy, ruff=slow.ruff)
    await checker.save(file_id, b"slow = 1\n".ljust(LARGE_BYTES + 1, b"\n"))
    await checker.save(file_id, CLEAN, 2)
    loops = [
        Loop("quick", scheduler.step, pause=1000, doorbell=copy.doorbell),
        Loop("large", scheduler.large_step, pause=1000, doorbell=scheduler.doorbells["large"]),
        Loop("slow", scheduler.slow_step, pause=1000, doorbell=scheduler.doorbells["slow"]),
    ]
    async with running(loops), asyncio.timeout(60):
        while len(await checker.results(file_id)) < 2:
            await asyncio.sleep(0.1)


async def test_queues_without_work_ring_no_doorbell(checker: CheckerHarness) -> None:
    copy = present_copy(checker.database)
    scheduler = checker.scheduler(copy=copy)
    assert not await scheduler.large_step()
    assert not await scheduler.slow_step()
    assert not any(bell.is_set() for bell in (copy.doorbell, *scheduler.doorbells.values()))
    assert not await scheduler.step()
    assert not copy.doorbell.is_set()


async def test_nobody_waits_for_a_large_file(checker: CheckerHarness, slow: SlowRuff) -> None:
    scheduler, large, small = checker.scheduler(ruff=slow.ruff), uuid4(), uuid4()
    await checker.save(large, CLEAN.ljust(LARGE_BYTES + 1, b"\n"))
    await checker.save(small, CLEAN, user_id=BOB)
    await finish_quick(scheduler)
    assert [len(await checker.results(file_id)) for file_id in (small, large)] == [1, 0]
    assert await scheduler.large_step()
    assert len(await checker.results(large)) == 1


@pytest.mark.parametrize("size", [MIB, MIB - 1, 40 * MIB])
async def test_a_claim_is_bounded_by_bytes(checker: CheckerHarness, size: int) -> None:
    for number in range(40):
        await checker.save(uuid4(), f"x = {number}\n".encode())
    async with checker.database.transaction() as connection:
        await connection.execute(text("UPDATE versions SET size = :size"), {"size": size})
        claimed = await claiming.claim(connection, 1, 100, checker.now, "large")
    assert len(claimed) == max(1, MAX_CLAIM_BYTES // size)
