"""Which copy has the claim to a version, and how claims end when a copy dies."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from services.checker.claims import claiming, due_files
from services.checker.claims.claiming import LEASE
from shared.contracts.checker import CheckFailed, FileChecked
from shared.coordination.copies import Copy
from shared.web.client import ServiceUnavailable
from tests.integration.checker.harness import (
    CLEAN,
    UNTIDY,
    CheckerHarness,
    DyingCheckRunner,
    KilledError,
)
from tests.support.copies import present_copy
from tests.support.events import BOB


@pytest.mark.parametrize("fails", [False, True], ids=["results", "failure"])
async def test_a_frozen_copy_that_lost_its_claims_records_nothing(
    checker: CheckerHarness, fails: bool
) -> None:
    """It goes on when another copy has claimed its files."""
    file_id, reached, go_on = uuid4(), asyncio.Event(), asyncio.Event()
    await checker.save(file_id, UNTIDY)

    async def hang() -> None:
        reached.set()
        await go_on.wait()
        if fails:
            raise ServiceUnavailable

    checker.contents.during = hang
    copy = present_copy(checker.database)
    frozen = asyncio.create_task(checker.scheduler(copy=copy).step())
    await asyncio.wait_for(reached.wait(), 5)
    other_copy = checker.scheduler()
    assert not await other_copy.step()  # it lives
    await checker.kill(copy)
    woken: list[bool | BaseException] = []

    async def wake() -> None:
        go_on.set()
        woken.extend(await asyncio.gather(frozen, return_exceptions=True))
        assert await checker.results(file_id) == []
        assert await checker.count_claims() == 1

    checker.contents.during = wake
    assert await other_copy.step()
    assert len(await checker.results(file_id)) == 1
    assert await checker.count_claims() == 0
    assert isinstance(woken[0], ServiceUnavailable) is fails


async def test_without_a_session_nothing_is_claimed(checker: CheckerHarness) -> None:
    await checker.save(uuid4(), UNTIDY)
    unseen = Copy(checker.database, "versions", claiming.end_claims)
    assert not await checker.scheduler(copy=unseen).step()
    assert await checker.count_claims() == 0


async def test_a_copy_claims_again_what_it_could_not_release(
    checker: CheckerHarness,
) -> None:
    """Such as when the database went away in the middle of a check."""
    file_id, copy = uuid4(), present_copy(checker.database)
    await checker.save(file_id, UNTIDY)
    await checker.claim(copy)
    assert not await checker.scheduler().step()
    await checker.scheduler(copy=copy).step()
    assert len(await checker.results(file_id)) == 1


async def test_claims_that_a_running_copy_has_forgotten_end_after_the_lease(
    checker: CheckerHarness,
) -> None:
    file_id = uuid4()
    await checker.save(file_id, UNTIDY)
    await checker.claim(present_copy(checker.database))
    assert not await checker.scheduler().step()
    checker.now += LEASE + timedelta(seconds=1)
    await checker.scheduler().step()
    assert len(await checker.results(file_id)) == 1


async def test_a_version_in_whose_check_copies_died_is_quarantined_and_finally_fails(
    checker: CheckerHarness,
) -> None:
    killer, innocent = uuid4(), uuid4()
    await checker.save(killer, b"kill = 1\n")
    await checker.save(innocent, CLEAN)
    for _ in range(claiming.DEATHS_BEFORE_QUARANTINE):
        copy = present_copy(checker.database)
        assert len(await checker.claim(copy)) == 2
        await checker.kill(copy)
    assert await checker.claim(present_copy(checker.database)) == []  # nobody beside them
    later = uuid4()
    await checker.save(later, UNTIDY)
    checker.contents.kills.add(checker.contents.put(b"kill = 1\n"))
    for _ in range(due_files.MAX_DEATHS + 2):
        copy = present_copy(checker.database)
        with suppress(KilledError):
            while await checker.scheduler(copy=copy, runner=DyingCheckRunner).step():
                pass
        await checker.kill(copy)
    [failure] = await checker.results(killer)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "crashed"
    for file_id in (innocent, later):
        [result] = await checker.results(file_id)
        assert isinstance(result, FileChecked)
    assert checker.contents.deaths == due_files.MAX_DEATHS - claiming.DEATHS_BEFORE_QUARANTINE


async def test_users_take_turns(checker: CheckerHarness) -> None:
    for number in range(30):
        await checker.save(uuid4(), f"x = {number}\n".encode())
    bobs = [uuid4(), uuid4()]
    for number, file_id in enumerate(bobs):
        await checker.save(file_id, f"y = {number}\n".encode(), user_id=BOB)
    scheduler = checker.scheduler(batch=4)
    await scheduler.step()
    assert [len(await checker.results(file_id)) for file_id in bobs] == [1, 1]


async def test_a_file_without_a_result_is_due_again(checker: CheckerHarness) -> None:
    """A response of files is bounded in bytes, a run of ruff in time."""
    files = [uuid4() for _ in range(5)]
    for number, file_id in enumerate(files):
        await checker.save(file_id, f"x = {number}\n".encode())
    checker.contents.limit = 2
    scheduler = checker.scheduler()
    assert await scheduler.step()
    assert sum([len(await checker.results(file_id)) for file_id in files]) == 2
    assert await checker.count_claims() == 0
    while await scheduler.step():
        pass
    assert [len(await checker.results(file_id)) for file_id in files] == [1] * 5
    assert len(checker.contents.calls) == 3
