"""Files that come back, and people who go for good."""

from uuid import uuid4

from sqlalchemy import text

from shared.contracts.checker import FileChecked
from tests.integration.checker.story import CLEAN, UNTIDY, Story

TRACES = ("main.py", "imported but unused", "`os`")


async def _all_rows(story: Story) -> str:
    """Every row of the checker's tables as text."""
    async with story.database.transaction() as connection:
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
    story: Story,
) -> None:
    file_id = uuid4()
    await story.save(file_id, UNTIDY)
    story.shelf.during = lambda: story.delete(file_id, 1)
    await story.scheduler().step()
    assert await story.results(file_id) == []

    await story.restore(file_id, 1)
    await story.scheduler().step()

    assert [result.version for result in await story.results(file_id)] == [1]


async def test_a_version_that_has_its_result_is_not_checked_again_when_restored(
    story: Story,
) -> None:
    file_id = uuid4()
    await story.save(file_id, CLEAN)
    await story.scheduler().step()
    await story.delete(file_id, 1)
    await story.restore(file_id, 1)

    await story.scheduler().step()

    assert len(await story.results(file_id)) == 1
    assert len(story.shelf.calls) == 1


async def test_of_an_erased_person_nothing_readable_is_left(story: Story) -> None:
    checked, waiting = uuid4(), uuid4()
    await story.save(checked, UNTIDY)
    await story.scheduler().step()
    await story.save(waiting, UNTIDY)
    before = await _all_rows(story)
    assert all(trace in before for trace in TRACES)

    await story.erase_user()

    after = await _all_rows(story)
    assert not [trace for trace in TRACES if trace in after]
    [result] = await story.results(checked)
    assert isinstance(result, FileChecked)
    assert (result.file_name, result.findings, result.counts.total) == ("", [], 1)


async def test_a_check_under_way_when_its_person_is_erased_has_no_result(story: Story) -> None:
    file_id = uuid4()
    await story.save(file_id, UNTIDY)
    story.shelf.during = story.erase_user

    await story.scheduler().step()

    assert await story.results(file_id) == []


async def test_what_comes_late_about_an_erased_person_is_not_kept(story: Story) -> None:
    await story.erase_user()
    await story.save(uuid4(), UNTIDY)
    await story.erase_user()  # and once more, as a repeated message

    await story.scheduler().step()

    assert story.shelf.calls == []
    assert not [trace for trace in TRACES if trace in await _all_rows(story)]
