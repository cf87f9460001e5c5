"""The schedule: every version gets one result, whatever happens during its check."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.checker.claims.due_files import DueFile
from services.checker.domain.history import History
from services.checker.linting.ruff import RuffFailure, RuffResult
from services.checker.results import check_events, recorder
from services.checker.results.check_events import Run
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import CheckFailed, FileChecked
from shared.errors import Unavailable
from tests.integration.checker.story import CLEAN, UNTIDY, Story


async def test_every_file_gets_its_result_and_no_second_one(story: Story) -> None:
    untidy, clean, broken = uuid4(), uuid4(), uuid4()
    await story.save(untidy, UNTIDY)
    await story.save(clean, CLEAN)
    await story.save(broken, b"print 'python 2'\n")
    scheduler = story.scheduler()
    assert await scheduler.step()
    outcomes = {}
    for file_id in (untidy, clean, broken):
        [result] = await story.results(file_id)
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
    assert len(story.shelf.calls) == 1  # one call for all, none for nothing
    assert len(await story.results(untidy)) == 1


async def test_a_new_version_is_compared_with_the_one_before(story: Story) -> None:
    file_id, scheduler = uuid4(), story.scheduler()
    for version, content in ((1, UNTIDY), (2, b"\n" + UNTIDY), (3, CLEAN), (4, UNTIDY)):
        await story.save(file_id, content, version)
        await scheduler.step()
    changes = []
    for result in await story.results(file_id):
        assert isinstance(result, FileChecked)
        counts = result.counts
        changes.append((counts.new > 0, counts.still > 0, counts.fixed > 0, counts.reopened > 0))
    assert changes == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    ]


async def test_more_than_a_batch_is_done_at_once(story: Story) -> None:
    files = [uuid4() for _ in range(5)]
    for number, file_id in enumerate(files):
        await story.save(file_id, f"x = {number}\n".encode())
    scheduler = story.scheduler(batch=2)
    assert [await scheduler.step() for _ in range(4)] == [True, True, True, False]
    assert [len(await story.results(file_id)) for file_id in files] == [1] * 5


async def test_every_version_saved_between_two_runs_is_checked_once_and_in_order(
    story: Story,
) -> None:
    file_id, other = uuid4(), uuid4()
    for version, content in ((1, UNTIDY), (2, b"\n" + UNTIDY), (3, CLEAN)):
        await story.save(file_id, content, version)
    await story.save(other, CLEAN)
    await _finish(story.scheduler())
    results = [result for result in await story.results(file_id) if isinstance(result, FileChecked)]
    assert [result.version for result in results] == [1, 2, 3]
    assert [(one.counts.new > 0, one.counts.fixed > 0) for one in results] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert len(await story.results(other)) == 1


async def test_a_version_claimed_by_another_copy_holds_the_next_one_back(story: Story) -> None:
    file_id, heir = uuid4(), story.scheduler()
    await story.save(file_id, UNTIDY)
    await story.save(file_id, CLEAN, 2)
    checked_meanwhile = []

    async def another_copy() -> None:
        checked_meanwhile.append(await heir.step())

    story.shelf.during = another_copy
    await _finish(story.scheduler())
    assert checked_meanwhile == [False]
    assert [result.version for result in await story.results(file_id)] == [1, 2]


async def test_two_schedulers_never_check_a_version_twice(story: Story) -> None:
    files = [uuid4() for _ in range(24)]
    for number, file_id in enumerate(files):
        await story.save(file_id, f"x = {number}\n".encode())

    await asyncio.gather(_finish(story.scheduler(5)), _finish(story.scheduler(5)))
    assert [len(await story.results(file_id)) for file_id in files] == [1] * 24
    fetched = [sha256 for call in story.shelf.calls for sha256 in call]
    assert len(fetched) == len(set(fetched)) == 24


async def test_a_file_deleted_during_its_check_gets_no_result(story: Story) -> None:
    doomed, other = uuid4(), uuid4()
    await story.save(doomed, UNTIDY)
    await story.save(other, CLEAN)
    story.shelf.during = lambda: story.delete(doomed, 1)
    scheduler = story.scheduler()
    await scheduler.step()
    assert await story.results(doomed) == []
    assert len(await story.results(other)) == 1
    assert not await scheduler.step()
    assert await story.results(doomed) == []


async def test_a_file_replaced_during_its_check_is_checked_again(story: Story) -> None:
    file_id = uuid4()
    await story.save(file_id, UNTIDY)
    story.shelf.during = lambda: story.save(file_id, CLEAN, 2)
    scheduler = story.scheduler()
    await scheduler.step()
    await scheduler.step()
    versions = [(result.version, result.sha256) for result in await story.results(file_id)]
    assert versions == [(1, story.shelf.put(UNTIDY)), (2, story.shelf.put(CLEAN))]


async def test_a_content_that_is_gone_is_a_visible_failure(story: Story) -> None:
    lost, other = uuid4(), uuid4()
    await story.save(lost, UNTIDY)
    await story.save(other, CLEAN)
    story.shelf.contents.pop(story.shelf.put(UNTIDY))
    await story.scheduler().step()
    [failure] = await story.results(lost)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "content_missing"
    [result] = await story.results(other)
    assert isinstance(result, FileChecked)


async def test_a_file_that_cannot_be_read_is_a_visible_failure(story: Story) -> None:
    odd, other = uuid4(), uuid4()
    await story.save(odd, b"# coding: nonsense\n")
    await story.save(other, CLEAN)
    await story.scheduler().step()
    [failure] = await story.results(odd)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "unreadable"
    [result] = await story.results(other)
    assert isinstance(result, FileChecked)


async def test_while_files_is_away_nothing_is_claimed_and_nothing_fails(story: Story) -> None:
    file_id, scheduler = uuid4(), story.scheduler()
    await story.save(file_id, UNTIDY)
    story.shelf.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await scheduler.step()
        assert await story.claimed() == 0
    assert await story.results(file_id) == []
    story.shelf.away = False
    await scheduler.step()
    assert len(await story.results(file_id)) == 1


async def test_a_scheduler_stopped_in_the_middle_gives_its_files_back(story: Story) -> None:
    file_id, reached = uuid4(), asyncio.Event()
    await story.save(file_id, UNTIDY)

    async def forever() -> None:
        reached.set()
        await asyncio.Event().wait()

    story.shelf.during = forever
    working = asyncio.create_task(story.scheduler().step())
    await asyncio.wait_for(reached.wait(), 5)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await story.claimed() == 0
    await story.scheduler().step()
    assert len(await story.results(file_id)) == 1


async def test_a_clock_that_jumps_leads_to_one_run_not_many(story: Story) -> None:
    file_id, scheduler = uuid4(), story.scheduler()
    await story.save(file_id, UNTIDY)
    for jump in (timedelta(hours=-1), timedelta(days=90), timedelta(hours=-3), timedelta(hours=3)):
        story.now += jump
        await _finish(scheduler)
        assert scheduler.next_tick == story.now + timedelta(seconds=60)
    assert len(await story.results(file_id)) == 1


async def _is(condition: bool) -> bool:
    return condition


async def _finish(scheduler: Scheduler) -> None:
    """Check until nothing is due, as one tick does."""
    while await scheduler.step():
        pass


async def test_a_result_that_cannot_be_recorded_harms_no_neighbour(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = uuid4(), uuid4()
    await story.save(bad, UNTIDY)
    await story.save(good, CLEAN)
    whole = check_events.check_event

    def check_event(
        history: History, file: DueFile, run: Run, answer: RuffResult | RuffFailure
    ) -> FileChecked | CheckFailed:
        if file.file_id == bad and isinstance(answer, RuffResult):
            raise ValueError("a result nobody can write down")
        return whole(history, file, run, answer)

    monkeypatch.setattr(recorder, "check_event", check_event)
    await story.scheduler().step()
    [failed] = await story.results(bad)
    [checked] = await story.results(good)
    assert isinstance(failed, CheckFailed)
    assert failed.reason == "crashed"
    assert isinstance(checked, FileChecked)
    assert await story.claimed() == 0
