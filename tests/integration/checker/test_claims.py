"""Who holds a version while it is checked, and what becomes of it when that copy is gone."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from services.checker.claims import claiming, due_files
from services.checker.claims.claiming import LEASE
from shared.contracts.checker import CheckFailed, FileChecked
from shared.coordination.copies import Copy
from shared.web.client import ServiceAway
from tests.integration.checker.story import CLEAN, UNTIDY, KilledError, Story
from tests.support.copies import present_copy
from tests.support.events import BOB


@pytest.mark.parametrize("fails", [False, True], ids=["results", "failure"])
async def test_a_scheduler_that_lost_its_claims_changes_nothing(story: Story, fails: bool) -> None:
    """It was frozen, and wakes up when another one has its files."""
    file_id, reached, go_on = uuid4(), asyncio.Event(), asyncio.Event()
    await story.save(file_id, UNTIDY)

    async def hang() -> None:
        reached.set()
        await go_on.wait()
        if fails:
            raise ServiceAway

    story.shelf.during = hang
    copy = present_copy(story.database)
    frozen = asyncio.create_task(story.scheduler(copy=copy).step())
    await asyncio.wait_for(reached.wait(), 5)
    heir = story.scheduler()
    assert not await heir.step()  # it lives
    await story.die(copy)
    woken: list[bool | BaseException] = []

    async def wake() -> None:
        go_on.set()
        woken.extend(await asyncio.gather(frozen, return_exceptions=True))
        assert await story.results(file_id) == []
        assert await story.claimed() == 1

    story.shelf.during = wake
    assert await heir.step()
    assert len(await story.results(file_id)) == 1
    assert await story.claimed() == 0
    assert isinstance(woken[0], ServiceAway) is fails


async def test_without_a_session_nothing_is_claimed(story: Story) -> None:
    await story.save(uuid4(), UNTIDY)
    unseen = Copy(story.database, "versions", claiming.end_claims)
    assert not await story.scheduler(copy=unseen).step()
    assert await story.claimed() == 0


async def test_what_a_copy_could_not_give_back_is_its_own_to_take_again(story: Story) -> None:
    """Such as when the database went away in the middle of a check."""
    file_id, copy = uuid4(), present_copy(story.database)
    await story.save(file_id, UNTIDY)
    await story.claim(copy)
    assert not await story.scheduler().step()
    await story.scheduler(copy=copy).step()
    assert len(await story.results(file_id)) == 1


async def test_claims_of_a_copy_that_lives_and_forgot_them_end_after_the_lease(
    story: Story,
) -> None:
    file_id = uuid4()
    await story.save(file_id, UNTIDY)
    await story.claim(present_copy(story.database))
    assert not await story.scheduler().step()
    story.now += LEASE + timedelta(seconds=1)
    await story.scheduler().step()
    assert len(await story.results(file_id)) == 1


async def test_a_version_in_whose_check_copies_died_is_checked_alone_and_at_last_given_up(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        """Who is dead gives nothing back."""

    monkeypatch.setattr(due_files, "release", nothing)
    killer, innocent = uuid4(), uuid4()
    await story.save(killer, b"kill = 1\n")
    await story.save(innocent, CLEAN)
    for _ in range(claiming.SUSPECT):
        copy = present_copy(story.database)
        assert len(await story.claim(copy)) == 2
        await story.die(copy)
    assert await story.claim(present_copy(story.database)) == []  # nobody beside them
    later = uuid4()
    await story.save(later, UNTIDY)
    story.shelf.kills.add(story.shelf.put(b"kill = 1\n"))
    for _ in range(due_files.GIVEN_UP + 2):
        copy = present_copy(story.database)
        with suppress(KilledError):
            while await story.scheduler(copy=copy).step():
                pass
        await story.die(copy)
    [failure] = await story.results(killer)
    assert isinstance(failure, CheckFailed)
    assert failure.reason == "crashed"
    for file_id in (innocent, later):
        [result] = await story.results(file_id)
        assert isinstance(result, FileChecked)
    assert story.shelf.deaths == due_files.GIVEN_UP - claiming.SUSPECT


async def test_nobody_waits_behind_another_ones_many_files(story: Story) -> None:
    for number in range(30):
        await story.save(uuid4(), f"x = {number}\n".encode())
    bobs = [uuid4(), uuid4()]
    for number, file_id in enumerate(bobs):
        await story.save(file_id, f"y = {number}\n".encode(), user_id=BOB)
    scheduler = story.scheduler(batch=4)
    await scheduler.step()
    assert [len(await story.results(file_id)) for file_id in bobs] == [1, 1]


async def test_what_is_not_answered_now_is_due_again(story: Story) -> None:
    """An answer of files has a bound in bytes, a run of ruff one in time."""
    files = [uuid4() for _ in range(5)]
    for number, file_id in enumerate(files):
        await story.save(file_id, f"x = {number}\n".encode())
    story.shelf.at_once = 2
    scheduler = story.scheduler()
    assert await scheduler.step()
    assert sum([len(await story.results(file_id)) for file_id in files]) == 2
    assert await story.claimed() == 0
    while await scheduler.step():
        pass
    assert [len(await story.results(file_id)) for file_id in files] == [1] * 5
    assert len(story.shelf.calls) == 3
