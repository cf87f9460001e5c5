"""Versions of which no result can be recorded: they wait, and others are checked."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import FileChecked
from tests.integration.checker.story import CLEAN, UNTIDY, Story
from tests.support.administrator import Sql, administrator
from tests.support.databases import PrivateDatabase
from tests.support.events import BOB

REFUSE = """
CREATE FUNCTION checker.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE 'not this one'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON checker.events FOR EACH ROW
WHEN (NEW.stream_id = 'checks-{0}') EXECUTE FUNCTION checker.refuse()
"""
# Rights that are missing for results, while a failure could be recorded.
FORBID = """
CREATE FUNCTION checker.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE 'not at the moment' USING ERRCODE = '42501'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON checker.events FOR EACH ROW
WHEN (NEW.type = 'FileChecked') EXECUTE FUNCTION checker.refuse()
"""
DAMAGE = {
    "refused": (REFUSE, "DROP TRIGGER refuse ON checker.events"),
    "hole": (
        "UPDATE checker.events SET version = 7 WHERE stream_id = 'checks-{0}'",
        "UPDATE checker.events SET version = 1 WHERE version = 7",
    ),
    "history": (
        "UPDATE checker.histories SET state = '[]' WHERE file_id = '{0}'",
        "DELETE FROM checker.histories WHERE file_id = '{0}'",
    ),
}


@pytest_asyncio.fixture
async def sql(fresh_postgres: PrivateDatabase) -> AsyncIterator[Sql]:
    async with administrator(fresh_postgres, "checker") as run:
        yield run


async def _tick(scheduler: Scheduler) -> None:
    """Until nothing is due, like the loop, which outlives any fault of a step."""
    for _ in range(20):
        with suppress(Exception):
            if not await scheduler.step():
                return
    raise AssertionError("there is no end to it")


async def _due_in(story: Story, file_id: UUID) -> timedelta:
    async with story.database.transaction() as connection:
        until = await connection.scalar(
            text("SELECT max(claimed_until) FROM versions WHERE file_id = :id"), {"id": file_id}
        )
    assert until is not None
    return timedelta(seconds=(until - story.now).total_seconds())


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_version_of_which_nothing_can_be_recorded_waits_and_harms_nobody(
    story: Story, sql: Sql, damage: tuple[str, str]
) -> None:
    broken, scheduler = uuid4(), story.scheduler()
    await story.save(broken, CLEAN)
    await _tick(scheduler)
    await sql(damage[0].format(broken))
    await story.save(broken, UNTIDY, version=2)
    waits = []
    for number in range(3):
        good = [uuid4() for _ in range(5)]
        for file_id in good:
            await story.save(file_id, f"x = {number}\n".encode(), user_id=BOB)
        await _tick(scheduler)
        assert [len(await story.results(file_id)) for file_id in good] == [1] * 5
        waits.append(await _due_in(story, broken))
        story.now += waits[-1] + timedelta(milliseconds=1)
    assert [round(wait.total_seconds()) for wait in waits] == [5, 20, 80]
    await sql(damage[1].format(broken))
    await _tick(scheduler)
    results = await story.results(broken)
    assert [result.version for result in results] == [1, 2]
    assert isinstance(results[1], FileChecked)


async def test_what_postgres_lacks_is_no_crash_of_a_check(story: Story, sql: Sql) -> None:
    files = [uuid4() for _ in range(3)]
    for file_id in files:
        await story.save(file_id, UNTIDY)
    await sql(FORBID)
    scheduler = story.scheduler()
    with pytest.raises(Exception, match="not at the moment"):
        await scheduler.step()
    await sql("DROP TRIGGER refuse ON checker.events")
    assert await story.claimed() == 0
    await _tick(scheduler)
    for file_id in files:
        [result] = await story.results(file_id)
        assert isinstance(result, FileChecked)
