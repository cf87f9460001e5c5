"""Every statement is valid, and finds what it looks for by an index, however large tables are."""

import ast
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy
from sqlalchemy import text

from benchmarks.filling import Size, fill
from tests.support.databases import PrivateDatabase, copy, drop
from tests.support.source_sql import Module, Statement, modules, statements_of, texts, unresolved
from tests.support.statements import SAMPLES, refusals, statements, whole_reads

# Which hold nothing but what is being worked at.
CLAIMED = {"versions_claimed", "mails_claimed"}
# Where nothing is filled in, a join reads an index from its first row to its last.
EMPTY = {"auth.events", "reports.events"}
# Few events can't be published, and an administrator asks for them.
ASIDE = "shared/messaging/outbox/set_aside.py"
REBUILD = "services/files/storage/rebuild.py"
# The last use of a session changes too often for an index; people have few tokens and one factor.
PRUNING = "services/auth/tables/pruning.py"
PRUNED_WITHOUT_INDEX = {"auth.sessions", "auth.api_tokens", "auth.second_factors"}
# Postgres prepares queries only. These begin what it does not prepare.
NO_QUERIES = {
    "SET": "settings of the session or the transaction, and when constraints are checked",
    "SHOW": "a setting is asked for",
}


@pytest_asyncio.fixture
async def connection(
    postgres: PrivateDatabase,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    opened = await postgres.admin()
    yield opened
    await opened.close()


async def test_every_statement_is_valid_on_its_schema(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    found = sorted(statements())
    others = {one.text.split()[0] for one in found if not one.is_query}
    refused = [await refusals(connection, one) for one in found if one.is_query]
    assert [line for lines in refused for line in lines] == []
    assert others == NO_QUERIES.keys()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nmae FROM files WHERE file_id = :id", 'column "nmae" does not exist'),
        ("SELECT name FROM fils WHERE file_id = :id", 'relation "fils" does not exist'),
        ("DELETE FROM files WHERE file_id = CAST(:id AS uid)", 'type "uid" does not exist'),
        ("UPDATE files SET name = :name WHER file_id = :id", "syntax error"),
    ],
)
async def test_one_that_is_not_valid_is_found(
    connection: "asyncpg.Connection[asyncpg.Record]", query: str, said: str
) -> None:
    refused = await refusals(connection, Statement("services/files/x.py:1", query))
    assert len(refused) == 1
    assert refused[0].startswith("services/files/x.py:1: ")
    assert said in refused[0]


def test_every_statement_is_seen() -> None:
    """What is put together at run time needs samples of the names that it is put together from."""
    found = list(modules(SAMPLES))
    assert [one for module in found for one in unresolved(module)] == []
    called = {module.place(call) for module in found for call in texts(module)}
    assert len(called) > 150
    assert SAMPLES.keys() <= {module.path for module in found}


SOURCES = [
    '_ONE = """\nSELECT 1 FROM a\n"""',
    '_ONE = text("""\nSELECT 1 FROM a\n""")',
    'text("SELECT 1 FROM a")',
    'sqlalchemy.text("SELECT 1 FROM a")',
    'text(f"SELECT {COLUMN} FROM a")',
    'text("SELECT " + COLUMN + " FROM a")',
    "text(FORM.format(column=COLUMN))",
    'text("SELECT {} FROM a".format(COLUMN))',
    'ask(connection, "SELECT 1 FROM a")',
    '_ALL = ["SELECT 1 FROM a", "SELECT 1 FROM a"]',
]  # fmt: skip
UNRESOLVED = [
    'text(f"SELECT {column} FROM a")',
    'text("SELECT " + column)',
    "text(FORM.format(column=column))",
    'ask(connection, f"SELECT {column} FROM a")',
    "text(made(column))",
    "text(unknown)",
]


def module_of(source: str) -> Module:
    names = {
        "text": text,
        "sqlalchemy": sqlalchemy,
        "COLUMN": "1",
        "FORM": "SELECT {column} FROM a",
    }
    return Module("services/files/x.py", ast.parse(source), names, {})


@pytest.mark.parametrize("source", SOURCES)
def test_a_statement_is_seen_however_it_is_written(source: str) -> None:
    module = module_of(source)
    seen = {one.text.strip() for one in statements_of(module)}
    assert seen == {"SELECT 1 FROM a"}
    assert [*unresolved(module)] == []


@pytest.mark.parametrize("source", UNRESOLVED)
def test_one_that_is_known_at_run_time_only_is_named(source: str) -> None:
    found = [*unresolved(module_of(source))]
    assert found
    assert all(one.text in ast.unparse(ast.parse(source)) for one in found)


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
    found = sorted(one for one in statements() if one.is_query and not one.is_part)
    reads = [await whole_reads(filled, one) for one in found]
    assert sum(some is not None for some in reads) > len(found) * 0.95
    whole = {one for some in reads for one in some or ()}
    others = [
        one
        for one in whole
        if not one.place.startswith((ASIDE, REBUILD))
        and one.by not in CLAIMED
        and one.table not in EMPTY
        and not (one.place.startswith(PRUNING) and one.table in PRUNED_WITHOUT_INDEX)
    ]
    assert sorted(others) == []


async def test_one_that_does_is_found(filled: "asyncpg.Connection[asyncpg.Record]") -> None:
    for query in (
        "DELETE FROM inbox WHERE digest = :digest",
        "SELECT name FROM files WHERE size > :size",
        "SELECT count(*) FROM checks WHERE user_id IN (SELECT user_id FROM files WHERE name = :n)",
        "SELECT event_id FROM journal WHERE type = :type ORDER BY position LIMIT 1",
    ):
        assert await whole_reads(filled, Statement("services/reports/x.py:1", query)), query
    one = Statement("services/reports/x.py:1", "SELECT name FROM files WHERE file_id = :id")
    assert await whole_reads(filled, one) == set()
