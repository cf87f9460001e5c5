"""A page of the list reads a page, however many files its reader has."""

from collections.abc import AsyncIterator
from typing import get_args
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.queries.cursor import Key, encode
from services.reports.queries.files import Filters, Sort, count_and_newest, files, listing_of
from shared.db import Database
from tests.support.databases import PrivateDatabase, copy, drop
from tests.support.events import ANN, BOB, NOON
from tests.support.rows_read import rows_read

MANY, FEW, LIMIT = 10_000, 60, 50

# Four of the many files have a check that failed; every tenth is deleted.
_FILES = """
INSERT INTO files (file_id, user_id, sequence, deleted, version, name, folded, size, sha256,
                   uploaded_at, check_id, check_version, checked_at, verdict)
SELECT gen_random_uuid(), :user_id, 1, n % 10 = 0, 1 + n % 3, 'Module ' || n || '.py',
       'module ' || n || '.py', n % 1000, '', CAST(:noon AS timestamptz) + n * interval '1 minute',
       gen_random_uuid(), 1 + n % 3, :noon, CASE WHEN n % 2500 <> 7 THEN 'ready' END
FROM generate_series(1, :count) AS n
"""
_CHECKS = """
INSERT INTO checks
SELECT check_id, file_id, user_id, name, version, '', '', '', checked_at, checked_at, 1, 'clean',
       NULL, verdict, '{}', false, '[]', '[]'
FROM files
"""
_MAILS = """
INSERT INTO mails (mail_id, check_id, user_id, sequence, state, attempts)
SELECT gen_random_uuid(), check_id, user_id, 1, 'sent', 1 FROM files
"""


@pytest_asyncio.fixture(scope="module")
async def crowded(template: PrivateDatabase) -> AsyncIterator[Database]:
    """Ann has ten thousand files, Bob sixty, and twenty others a thousand each."""
    made = await copy(template)
    database = Database(made.url("reports"))
    people = [(ANN, MANY), (BOB, FEW), *((UUID(int=number), 1000) for number in range(20))]
    async with database.transaction() as connection:
        for user_id, count in people:
            values = {"user_id": user_id, "count": count, "noon": NOON}
            await connection.execute(text(_FILES), values)
        for statement in (_CHECKS, _MAILS):
            await connection.execute(text(statement))
    admin = await made.admin()
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    yield database
    await database.close()
    await drop(made)


async def page_reads(
    connection: AsyncConnection, user_id: UUID, filters: Filters, after: Key | None = None
) -> int:
    """How many rows of the tables a page and its total take, also those they throw away."""
    given = encode(listing_of(user_id, filters).name, after) if after else None
    before = await rows_read(connection)
    await files(connection, user_id, filters, given, LIMIT)
    return await rows_read(connection) - before


PAGE = 3 * (LIMIT + 1)  # each file with its check and its mail
MIDDLE = {
    "uploaded_at": Key(NOON.replace(day=25), UUID(int=0)),
    "name": Key("module 5", UUID(int=0)),
    "size": Key(500, UUID(int=0)),
}


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("sort", get_args(Sort))
async def test_a_page_of_many_files_reads_what_it_shows(
    crowded: Database, sort: Sort, mode: str
) -> None:
    async with crowded.transaction() as connection:
        await connection.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        for after in (None, MIDDLE[sort.removeprefix("-")]):
            for filters in (Filters(sort=sort), Filters("deleted", sort=sort)):
                assert await page_reads(connection, ANN, filters, after) <= PAGE
            # Every third file is new, so that a page of them passes two others for each.
            for filters in (Filters("new", sort=sort), Filters(verdict="ready", sort=sort)):
                assert await page_reads(connection, ANN, filters, after) <= 3 * PAGE


@pytest.mark.parametrize("sort", get_args(Sort))
async def test_a_rare_state_is_found_without_reading_the_others(
    crowded: Database, sort: Sort
) -> None:
    async with crowded.transaction() as connection:
        assert await page_reads(connection, ANN, Filters(check="failed", sort=sort)) <= PAGE


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(q="module 777"),
        Filters(q="nowhere"),
        Filters("deleted", q="module 770"),
        Filters(q="module 777", sort="name"),
        Filters("new", check="failed"),
        Filters(check="waiting"),
    ],
)
async def test_what_few_files_have_is_found_in_indexes(
    crowded: Database, filters: Filters, mode: str
) -> None:
    async with crowded.transaction() as connection:
        await connection.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        assert await page_reads(connection, ANN, filters) <= PAGE


async def test_undeleted_files_are_counted_once(crowded: Database) -> None:
    async with crowded.transaction() as connection:
        undeleted, _ = await count_and_newest(connection, ANN)
        _, counted = await files(connection, ANN, Filters(), None, LIMIT)
        _, passed = await files(connection, ANN, Filters(sort="name"), None, LIMIT, undeleted)
        _, deleted = await files(connection, ANN, Filters("deleted"), None, LIMIT, undeleted)
    assert undeleted == counted == passed == MANY * 9 // 10
    assert deleted == MANY - undeleted


async def test_a_search_reads_the_files_of_the_searcher_alone(crowded: Database) -> None:
    async with crowded.transaction() as connection:
        read = await page_reads(connection, BOB, Filters(q="module 7"))
    assert 0 < read <= 4 * FEW
