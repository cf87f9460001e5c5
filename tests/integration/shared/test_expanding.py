"""A migration may add to tables while copies of the version before use them."""

from collections.abc import AsyncIterator, Iterable

import asyncpg
import pytest_asyncio

from tests.support.databases import SCHEMAS, PrivateDatabase, copy, drop
from tests.support.source_sql import Statement
from tests.support.statements import Connection, statements


@pytest_asyncio.fixture
async def connection(template: PrivateDatabase) -> AsyncIterator[Connection]:
    made = await copy(template)
    connection = await made.admin()
    yield connection
    await connection.close()
    await drop(made)


async def test_what_a_copy_has_prepared_goes_on_after_a_column_was_added(
    connection: Connection,
) -> None:
    assert await _broken_by_columns(connection, sorted(statements())) == []


async def test_a_statement_that_asks_for_all_columns_is_found(connection: Connection) -> None:
    place = "services/files/x.py:1"
    everything = Statement(place, "SELECT * FROM files WHERE file_id = :file_id")
    columns = Statement(place, "SELECT name FROM files WHERE file_id = :file_id")
    assert await _broken_by_columns(connection, [everything, columns]) == [everything]


async def _broken_by_columns(
    connection: Connection, wanted: Iterable[Statement]
) -> list[Statement]:
    """Those that Postgres refuses once every table has a column more."""
    prepared = [
        (f"of_{schema}_{number}", schema, statement)
        for number, statement in enumerate(wanted)
        for schema in statement.schemas()
        if await _prepare(connection, f"of_{schema}_{number}", schema, statement)
    ]
    assert prepared
    for table in await connection.fetch(_TABLES, list(SCHEMAS)):
        await connection.execute(f"ALTER TABLE {table['name']} ADD COLUMN added_later text")
    broken = []
    for name, schema, statement in prepared:
        try:
            await _plan(connection, name, schema, statement)
        except asyncpg.PostgresError:
            broken.append(statement)
    return broken


_TABLES = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = ANY ($1)
"""


async def _prepare(connection: Connection, name: str, schema: str, statement: Statement) -> bool:
    """Whether it is one of this schema."""
    await connection.execute(f"SET search_path = {schema}")
    try:
        await connection.execute(f"PREPARE {name} AS {statement.numbered()[0]}")
    except asyncpg.PostgresError:
        return False
    return True


async def _plan(connection: Connection, name: str, schema: str, statement: Statement) -> None:
    """Have it read anew, as Postgres does once tables have changed; nothing is executed."""
    values = ["NULL"] * statement.numbered()[1]
    given = f"({', '.join(values)})" if values else ""
    await connection.execute(f"SET search_path = {schema}")
    await connection.execute(f"EXPLAIN EXECUTE {name} {given}")
