"""Files are deleted and restored, and users erased, while checks run."""

from uuid import uuid4

from sqlalchemy import text

from shared.contracts.checker import FileChecked
from tests.integration.checker.harness import CLEAN, UNTIDY, CheckerHarness

TRACES = ("main.py", "imported but unused", "`os`")


async def _all_rows(checker: CheckerHarness) -> str:
    """Every row of the checker's tables as text."""
    async with checker.database.transaction() as connection:
        tables = await connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        )
        found = [
            str(row)
            for table in tables.all()
            for row in await connection.execute(text(f"SELECT t::text FROM {table} AS t"))
        ]
    return "\n".join(found)


async def test_a_file_deleted_during_its_check_is_checked_when_it_is_restored(
    checker: CheckerHarness,
) -> None:
    file_id = uuid4()
    await checker.save(file_id, UNTIDY)
    checker.contents.during = lambda: checker.delete(file_id, 1)
    await checker.scheduler().step()
    assert await checker.results(file_id) == []

    await checker.restore(file_id, 1)
    await checker.scheduler().step()

    assert [result.version for result in await checker.results(file_id)] == [1]


async def test_a_version_that_has_its_result_is_not_checked_again_when_restored(
    checker: CheckerHarness,
) -> None:
    file_id = uuid4()
    await checker.save(file_id, CLEAN)
    await checker.scheduler().step()
    await checker.delete(file_id, 1)
    await checker.restore(file_id, 1)

    await checker.scheduler().step()

    assert len(await checker.results(file_id)) == 1
    assert len(checker.contents.calls) == 1


async def test_nothing_readable_is_left_of_an_erased_user(checker: CheckerHarness) -> None:
    checked, waiting = uuid4(), uuid4()
    await checker.save(checked, UNTIDY)
    await checker.scheduler().step()
    await checker.save(waiting, UNTIDY)
    before = await _all_rows(checker)
    assert all(trace in before for trace in TRACES)

    await checker.erase_user()

    after = await _all_rows(checker)
    assert not [trace for trace in TRACES if trace in after]
    [result] = await checker.results(checked)
    assert isinstance(result, FileChecked)
    assert (result.file_name, result.findings, result.counts.total) == ("", [], 1)


async def test_a_check_that_runs_during_an_erasure_has_no_result(
    checker: CheckerHarness,
) -> None:
    file_id = uuid4()
    await checker.save(file_id, UNTIDY)
    checker.contents.during = checker.erase_user

    await checker.scheduler().step()

    assert await checker.results(file_id) == []


async def test_late_events_about_an_erased_user_are_not_stored(checker: CheckerHarness) -> None:
    await checker.erase_user()
    await checker.save(uuid4(), UNTIDY)
    await checker.erase_user()  # and once more, as a repeated message

    await checker.scheduler().step()

    assert checker.contents.calls == []
    assert not [trace for trace in TRACES if trace in await _all_rows(checker)]
