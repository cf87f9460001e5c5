"""Results that can't be recorded: the check is postponed, and others are recorded."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.checker.claims.due_files import DueFile
from services.checker.domain.history import History
from services.checker.linting.ruff import RuffFailure, RuffResult
from services.checker.results.check_events import RuffRun, check_event
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import CheckFailed, FileChecked
from tests.integration.checker.harness import CLEAN, UNTIDY, CheckerHarness
from tests.support.administrator import Sql
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


async def _tick(scheduler: Scheduler) -> None:
    """Until nothing is due, like the loop, which outlives any fault of a step."""
    for _ in range(20):
        with suppress(Exception):
            if not await scheduler.step():
                return
    raise AssertionError("there is no end to it")


async def _due_in(checker: CheckerHarness, file_id: UUID) -> timedelta:
    async with checker.database.transaction() as connection:
        until = await connection.scalar(
            text("SELECT max(claimed_until) FROM versions WHERE file_id = :id"), {"id": file_id}
        )
    assert until is not None
    return timedelta(seconds=(until - checker.now).total_seconds())


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_check_whose_result_cannot_be_recorded_is_postponed(
    checker: CheckerHarness, sql: Sql, damage: tuple[str, str]
) -> None:
    broken, scheduler = uuid4(), checker.scheduler()
    await checker.save(broken, CLEAN)
    await _tick(scheduler)
    await sql(damage[0].format(broken))
    await checker.save(broken, UNTIDY, version=2)
    waits = []
    for number in range(3):
        good = [uuid4() for _ in range(5)]
        for file_id in good:
            await checker.save(file_id, f"x = {number}\n".encode(), user_id=BOB)
        await _tick(scheduler)
        assert [len(await checker.results(file_id)) for file_id in good] == [1] * 5
        waits.append(await _due_in(checker, broken))
        checker.now += waits[-1] + timedelta(milliseconds=1)
    assert [round(wait.total_seconds()) for wait in waits] == [5, 20, 80]
    await sql(damage[1].format(broken))
    await _tick(scheduler)
    results = await checker.results(broken)
    assert [result.version for result in results] == [1, 2]
    assert isinstance(results[1], FileChecked)


async def test_an_error_of_postgres_itself_is_not_a_failed_check(
    checker: CheckerHarness, sql: Sql
) -> None:
    files = [uuid4() for _ in range(3)]
    for file_id in files:
        await checker.save(file_id, UNTIDY)
    await sql(FORBID)
    scheduler = checker.scheduler()
    with pytest.raises(Exception, match="not at the moment"):
        await scheduler.step()
    await sql("DROP TRIGGER refuse ON checker.events")
    assert await checker.count_claims() == 0
    await _tick(scheduler)
    for file_id in files:
        [result] = await checker.results(file_id)
        assert isinstance(result, FileChecked)


async def test_one_bad_result_does_not_stop_the_others(
    checker: CheckerHarness,
) -> None:
    bad, good = uuid4(), uuid4()
    await checker.save(bad, UNTIDY)
    await checker.save(good, CLEAN)

    def make_event(
        history: History, file: DueFile, run: RuffRun, result: RuffResult | RuffFailure
    ) -> FileChecked | CheckFailed:
        if file.file_id == bad and isinstance(result, RuffResult):
            raise ValueError("a result nobody can write down")
        return check_event(history, file, run, result)

    await checker.scheduler(make_event=make_event).step()
    [failed] = await checker.results(bad)
    [checked] = await checker.results(good)
    assert isinstance(failed, CheckFailed)
    assert failed.reason == "crashed"
    assert isinstance(checked, FileChecked)
    assert await checker.count_claims() == 0
