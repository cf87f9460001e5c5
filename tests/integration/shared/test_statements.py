"""Every statement finds what it looks for by an index, however large the tables are."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from benchmarks.filling import Size, fill
from tests.support.databases import PrivateDatabase, copy, drop
from tests.support.statements import Statement, statements, whole_reads

# Which hold nothing but what is being worked at.
CLAIMED = {"versions_claimed", "mails_claimed"}
# Few events can't be published, and an administrator asks for them.
ASIDE = "shared/eventsourcing/set_aside.py"
REBUILD = "services/files/after_rebuild.py"


@pytest_asyncio.fixture
async def filled(template: PrivateDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    made = await copy(template)
    connection = await made.admin()
    await fill(connection, Size(people=30, files=10, big_files=2000))
    await connection.execute("SET enable_seqscan = off")  # so what is left of them has no index
    yield connection
    await connection.close()
    await drop(made)


async def test_no_statement_reads_a_whole_table(
    filled: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    found = sorted(statements())
    reads = [await whole_reads(filled, one) for one in found]
    assert sum(some is not None for some in reads) > len(found) * 0.95
    whole = {one for some in reads for one in some or ()}
    others = [
        one for one in whole if not one.place.startswith((ASIDE, REBUILD)) and one.by not in CLAIMED
    ]
    assert sorted(others) == []


async def test_one_that_does_is_found(filled: "asyncpg.Connection[asyncpg.Record]") -> None:
    for text in (
        "DELETE FROM inbox WHERE digest = :digest",
        "SELECT name FROM files WHERE size > :size",
        "SELECT count(*) FROM checks WHERE user_id IN (SELECT user_id FROM files WHERE name = :n)",
        "SELECT event_id FROM journal WHERE type = :type ORDER BY position LIMIT 1",
    ):
        assert await whole_reads(filled, Statement("services/reports/x.py:1", text)), text
    one = Statement("services/reports/x.py:1", "SELECT name FROM files WHERE file_id = :id")
    assert await whole_reads(filled, one) == set()
