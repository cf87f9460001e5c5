"""The schedule: every version gets one result, whatever happens during its check."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import CheckFailed, FileChecked
from shared.errors import Unavailable
from tests.integration.checker.harness import CLEAN, UNTIDY, CheckerHarness


async def test_every_file_gets_its_result_and_no_second_one(checker: CheckerHarness) -> None:
    untidy, clean, broken = uuid4(), uuid4(), uuid4()
    await checker.save(untidy, UNTIDY)
    await checker.save(clean, CLEAN)
    await checker.save(broken, b"print 'python 2'\n")
    scheduler = checker.scheduler()
    assert await scheduler.step()
    outcomes = {}
    for file_id in (untidy, clean, broken):
        [result] = await checker.results(file_id)
        assert isinstance(result, FileChecked)
        outcomes[file_id] = (result.outcome, result.verdict)
        assert result.engine.startswith("ruff ")
        assert result.version == 1
    assert outcomes == {
        untidy: ("findings", "not_ready"),
        clean: ("clean", "ready"),
        broken: ("syntax_error", "not_ready"),
    }
    assert not await scheduler.step()
    assert len(checker.contents.calls) == 1  # one call for all, none for nothing
    assert len(await checker.results(untidy)) == 1


async def test_a_new_version_is_compared_with_the_one_before(checker: CheckerHarness) -> None:
    file_id, scheduler = uuid4(), checker.scheduler()
    for version, content in ((1, UNTIDY), (2, b"\n" + UNTIDY), (3, CLEAN), (4, UNTIDY)):
        await checker.save(file_id, content, version)
        await scheduler.step()
    changes = []
    for result in await checker.results(file_id):
        assert isinstance(result, FileChecked)
        counts = result.counts
        changes.append((counts.new > 0, counts.still > 0, counts.fixed > 0, counts.reopened > 0))
    assert changes == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    ]


async def test_more_than_a_batch_is_done_at_once(checker: CheckerHarness) -> None:
    files = [uuid4() for _ in range(5)]
    for number, file_id in enumerate(files):
        await checker.save(file_id, f"x = {number}\n".encode())
    scheduler = checker.scheduler(batch=2)
    assert [await scheduler.step() for _ in range(4)] == [True, True, True, False]
    assert [len(await checker.results(file_id)) for file_id in files] == [1] * 5


async def test_every_version_saved_between_two_runs_is_checked_once_and_in_order(
    checker: CheckerHarness,
) -> None:
    file_id, other = uuid4(), uuid4()
    for version, content in ((1, UNTIDY), (2, b"\n" + UNTIDY), (3, CLEAN)):
        await checker.save(file_id, content, version)
    await checker.save(other, CLEAN)
    await _finish(checker.scheduler())
    results = [
        result for result in await checker.results(file_id) if isinstance(result, FileChecked)
    ]
    assert [result.version for result in results] == [1, 2, 3]
    assert [(one.counts.new > 0, one.counts.fixed > 0) for one in results] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert len(await checker.results(other)) == 1


async def test_a_version_claimed_by_another_copy_holds_the_next_one_back(
    checker: CheckerHarness,
) -> None:
    file_id, other_copy = uuid4(), checker.scheduler()
    await checker.save(file_id, UNTIDY)
    await checker.save(file_id, CLEAN, 2)
    checked_meanwhile = []

    async def another_copy() -> None:
        checked_meanwhile.append(await other_copy.step())

    checker.contents.during = another_copy
    await _finish(checker.scheduler())
    assert checked_meanwhile == [False]
    assert [result.version for result in await checker.results(file_id)] == [1, 2]


async def test_two_schedulers_never_check_a_version_twice(checker: CheckerHarness) -> None:
    files = [uuid4() for _ in range(24)]
    for number, file_id in enumerate(files):
        await checker.save(file_id, f"x = {number}\n".encode())

    await asyncio.gather(_finish(checker.scheduler(5)), _finish(checker.scheduler(5)))
    assert [len(await checker.results(file_id)) for file_id in files] == [1] * 24
    fetched = [sha256 for call in checker.contents.calls for sha256 in call]
    assert len(fetched) == len(set(fetched)) == 24


async def test_a_file_deleted_during_its_check_gets_no_result(checker: CheckerHarness) -> None:
    doomed, other = uuid4(), uuid4()
    await checker.save(doomed, UNTIDY)
    await checker.save(other, CLEAN)
    checker.contents.during = lambda: checker.delete(doomed, 1)
    scheduler = checker.scheduler()
    await scheduler.step()
    assert await checker.results(doomed) == []
    assert len(await checker.results(other)) == 1
    assert not await scheduler.step()
    assert await checker.results(doomed) == []


async def test_a_file_replaced_during_its_check_is_checked_again(checker: CheckerHarness) -> None:
    file_id = uuid4()
    await checker.save(file_id, UNTIDY)
    checker.contents.during = lambda: checker.save(file_id, CLEAN, 2)
    scheduler = checker.scheduler()
    await scheduler.step()
    await scheduler.step()
    versions = [(result.version, result.sha256) for result in await checker.results(file_id)]
    assert versions == [(1, checker.contents.put(UNTIDY)), (2, checker.contents.put(CLEAN))]


async def test_a_content_that_is_gone_is_a_visible_failure(checker: CheckerHarness) -> None:
    lost, other = uuid4(), uuid4()
    await checker.save(lost, UNTIDY)
    await checker.save(other, CLEAN)
    checker.contents.by_sha256.pop(checker.contents.put(UNTIDY))
    await checker.scheduler().step()
    [failure] = await checker.results(lost)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "content_missing"
    [result] = await checker.results(other)
    assert isinstance(result, FileChecked)


async def test_a_file_that_cannot_be_read_is_a_visible_failure(checker: CheckerHarness) -> None:
    odd, other = uuid4(), uuid4()
    await checker.save(odd, b"# coding: nonsense\n")
    await checker.save(other, CLEAN)
    await checker.scheduler().step()
    [failure] = await checker.results(odd)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "unreadable"
    [result] = await checker.results(other)
    assert isinstance(result, FileChecked)


async def test_while_files_is_away_claims_are_released_and_no_check_fails(
    checker: CheckerHarness,
) -> None:
    file_id, scheduler = uuid4(), checker.scheduler()
    await checker.save(file_id, UNTIDY)
    checker.contents.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await scheduler.step()
        assert await checker.count_claims() == 0
    assert await checker.results(file_id) == []
    checker.contents.away = False
    await scheduler.step()
    assert len(await checker.results(file_id)) == 1


async def test_a_cancelled_step_releases_its_files(
    checker: CheckerHarness,
) -> None:
    file_id, reached = uuid4(), asyncio.Event()
    await checker.save(file_id, UNTIDY)

    async def forever() -> None:
        reached.set()
        await asyncio.Event().wait()

    checker.contents.during = forever
    working = asyncio.create_task(checker.scheduler().step())
    await asyncio.wait_for(reached.wait(), 5)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await checker.count_claims() == 0
    await checker.scheduler().step()
    assert len(await checker.results(file_id)) == 1


async def test_a_clock_that_jumps_leads_to_one_run_not_many(checker: CheckerHarness) -> None:
    file_id, scheduler = uuid4(), checker.scheduler()
    await checker.save(file_id, UNTIDY)
    for jump in (timedelta(hours=-1), timedelta(days=90), timedelta(hours=-3), timedelta(hours=3)):
        checker.now += jump
        await _finish(scheduler)
        assert scheduler.next_tick == checker.now + timedelta(seconds=60)
    assert len(await checker.results(file_id)) == 1


async def _is(condition: bool) -> bool:
    return condition


async def _finish(scheduler: Scheduler) -> None:
    """Check until nothing is due, as one tick does."""
    while await scheduler.step():
        pass
