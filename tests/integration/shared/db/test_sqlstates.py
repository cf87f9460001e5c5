"""What real Postgres answers, and what that is taken for."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from shared.db import Database, DatabaseRefusesWrites, DatabaseUnavailable, sqlstate_of
from shared.db.sqlstates import Meaning, meaning
from tests.integration.conftest import Pools
from tests.support.databases import PrivateDatabase

UNAVAILABLE, FAULT, NO_WRITES, VALUES = (
    Meaning.UNAVAILABLE,
    Meaning.FAULT,
    Meaning.NO_WRITES,
    Meaning.VALUES,
)
_EVENT = (
    "INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata,"
    " recorded_at) VALUES (gen_random_uuid(), 's', {version}, 't', 1, '{{}}', '{{}}', now())"
)
_TWICE = (
    "INSERT INTO checkpoints VALUES ('x', 1), ('x', 2)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
)
_LONG = (
    "INSERT INTO checkpoints"
    " SELECT string_agg(sha512(n::text::bytea)::text, ''), 1 FROM generate_series(1, 200) AS n"
)

SAID: dict[str, tuple[list[str], str, Meaning]] = {
    "twice what is unique": (["INSERT INTO checkpoints VALUES ('x',1),('x',1)"], "23505", VALUES),
    "nothing": (["INSERT INTO checkpoints VALUES (NULL, 1)"], "23502", VALUES),
    "against a check": ([_EVENT.format(version=0)], "23514", VALUES),
    "a set that names a row twice": ([_TWICE], "21000", VALUES),
    "too long a key": ([_LONG], "54000", VALUES),
    "numeric overflow": (["SELECT 2147483647 + 1"], "22003", VALUES),
    "division by zero": (["SELECT 1 / 0"], "22012", VALUES),
    "bad JSON": (["SELECT CAST('{' AS jsonb)"], "22P02", VALUES),
    "NUL in JSON": (["SELECT CAST('\"\\u0000\"' AS jsonb) ->> 0"], "22P05", VALUES),
    "raised": (["DO $$ BEGIN RAISE EXCEPTION 'no'; END $$"], "P0001", VALUES),
    "no case": (["DO $$ BEGIN CASE 1 WHEN 2 THEN NULL; END CASE; END $$"], "20000", VALUES),
    "read-only": (
        ["SET TRANSACTION READ ONLY", "INSERT INTO checkpoints VALUES ('x', 1)"],
        "25006",
        NO_WRITES,
    ),
    "cancelled": (
        ["SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(5)"],
        "57014",
        UNAVAILABLE,
    ),
    "no such table": (["SELECT * FROM nothing_here"], "42P01", FAULT),
    "no such column": (["SELECT nothing FROM events"], "42703", FAULT),
    "not allowed": (["DELETE FROM events"], "42501", FAULT),
    "no sense": (["SELEKT 1"], "42601", FAULT),
    "too deep": ([f"SELECT CAST('{'[' * 100_000}' AS jsonb)"], "54001", FAULT),
}


async def _error(database: Database, *statements: str) -> Exception:
    """What the last statement raises, as a reaction would meet it."""
    async with database.engine.connect() as connection:
        for statement in statements:
            try:
                await connection.exec_driver_sql(statement)
            except Exception as error:  # noqa: BLE001 - that is what is asked for
                return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("case", SAID)
async def test_an_answer_of_postgres(pools: Pools, case: str) -> None:
    statements, sqlstate, expected = SAID[case]
    error = await _error(pools("reports"), *statements)
    assert (sqlstate_of(error), meaning(sqlstate)) == (sqlstate, expected)


@pytest.mark.parametrize("value", [2**40, "\udc80", "a\0b", object()])
async def test_what_can_not_even_be_sent_lies_in_the_values(pools: Pools, value: object) -> None:
    kind = "int" if isinstance(value, int) else "text"
    async with pools("reports").engine.connect() as connection:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - which, is looked at below
            await connection.execute(text(f"SELECT CAST(:value AS {kind})"), {"value": value})
    sqlstate = sqlstate_of(raised.value)
    assert sqlstate is not None
    assert meaning(sqlstate) is VALUES


async def test_a_full_disk_takes_no_writes(postgres: PrivateDatabase) -> None:
    """The server's own word for ENOSPC, from the one file that never has room."""
    database = Database(postgres.admin_url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseRefusesWrites):
        async with database.transaction() as connection:
            await connection.exec_driver_sql("COPY (SELECT 1) TO '/dev/full'")
    await database.close()


Wait = Callable[[Database, Database], Awaitable[None]]


async def _lock(one: Database, other: Database) -> None:
    async with one.transaction() as first, other.transaction() as second:
        await first.execute(text("SELECT pg_advisory_xact_lock(7)"))
        await second.execute(text("SET LOCAL lock_timeout = '20ms'"))
        await second.execute(text("SELECT pg_advisory_xact_lock(7)"))


async def _deadlock(one: Database, other: Database) -> None:
    async def take(database: Database, keys: list[int], both: asyncio.Barrier) -> None:
        async with database.transaction() as connection:
            for key in keys:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({key})"))
                await both.wait()

    both = asyncio.Barrier(2)
    first = asyncio.create_task(take(one, [8, 9], both))
    second = asyncio.create_task(take(other, [9, 8], both))
    done, left = await asyncio.wait([first, second], return_when=asyncio.FIRST_EXCEPTION)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for task in done:
        await task


async def _conflict(one: Database, other: Database) -> None:
    async with one.transaction() as first:
        await first.execute(text("INSERT INTO checkpoints VALUES ('conflict', 1)"))
    async with other.transaction() as second:
        await second.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await second.execute(text("SELECT count(*) FROM checkpoints"))
        async with one.transaction() as first:
            await first.execute(text("UPDATE checkpoints SET position = 2"))
        await second.execute(text("UPDATE checkpoints SET position = 3"))


@pytest.mark.parametrize("wait", [_lock, _deadlock, _conflict])
async def test_what_another_transaction_does_is_waited_for(
    postgres: PrivateDatabase, wait: Wait
) -> None:
    one, other = (Database(postgres.url("reports")) for _ in range(2))
    with pytest.raises(DatabaseUnavailable):
        await wait(one, other)
    for database in (one, other):
        await database.close()


async def test_where_nobody_gets_in_the_database_is_away(postgres: PrivateDatabase) -> None:
    url = make_url(postgres.url("reports"))
    for wrong in (url.set(password="wrong"), url.set(database="nothing")):
        database = Database(wrong.render_as_string(hide_password=False))
        with pytest.raises(DatabaseUnavailable):
            await database.connect()
        await database.close()


async def test_a_session_that_may_only_read_is_not_used_again(postgres: PrivateDatabase) -> None:
    """It would stay read-only after the database has recovered."""
    admin, database = await postgres.admin(), Database(postgres.url("reports"), pool_size=1)

    async def write() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("DELETE FROM checkpoints"))

    await admin.execute("ALTER ROLE prereview_reports SET default_transaction_read_only = on")
    with pytest.raises(DatabaseRefusesWrites):
        await write()
    await admin.execute("ALTER ROLE prereview_reports RESET default_transaction_read_only")
    await write()
    await admin.close()
    await database.close()
