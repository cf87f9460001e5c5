"""What becomes of a command's commit is found out, and not mistaken for another's."""

import asyncio
import time
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import deadline
from shared.db import Database
from shared.db.commits import Trace, _status_of
from shared.errors import Unavailable
from tests.integration.conftest import Pools
from tests.support.databases import PrivateDatabase
from tests.support.waiting import eventually


async def _xid(database: Database) -> str:
    """Of a transaction that was committed."""
    async with database.transaction() as connection:
        return str(await connection.scalar(text("SELECT CAST(pg_current_xact_id() AS text)")))


async def test_a_committed_transaction_is_found(pools: Pools) -> None:
    database = pools("files")
    assert await _status_of(database._lookup_engine, Trace(await _xid(database), None)) is True


async def test_an_id_that_was_given_again_proves_nothing(pools: Pools) -> None:
    """After a crash that has swept a transaction away, its id goes to another one."""
    database = pools("files")
    assert await _status_of(database._lookup_engine, Trace(await _xid(database), uuid4())) is False


async def test_an_id_that_was_swept_away_is_none(pools: Pools) -> None:
    database = pools("files")
    ahead = str(int(await _xid(database)) + 1_000_000)
    assert await _status_of(database._lookup_engine, Trace(ahead, None)) is False


async def test_what_was_rolled_back_is_found_too(pools: Pools) -> None:
    database = pools("files")
    async with database.engine.connect() as connection:
        asked = text("SELECT CAST(pg_current_xact_id() AS text)")
        xid = str(await connection.scalar(asked))
        await connection.rollback()
    assert await _status_of(database._lookup_engine, Trace(xid, None)) is False


async def test_what_is_still_open_is_ended(pools: Pools) -> None:
    database = pools("files")
    async with database.engine.connect() as connection:
        asked = text("SELECT CAST(pg_current_xact_id() AS text)")
        trace = Trace(str(await connection.scalar(asked)), None)
        assert await _status_of(database._lookup_engine, trace) is None
        await asyncio.sleep(0.3)
        assert await _status_of(database._lookup_engine, trace) is False
        await connection.invalidate()


async def test_transactions_of_one_command_share_its_time(pools: Pools) -> None:
    async def four() -> None:
        async with deadline.command(0.6):
            for _ in range(4):
                async with pools("files").transaction() as connection:
                    await connection.execute(text("SELECT pg_sleep(0.25)"))

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await four()
    assert 0.5 < time.monotonic() - began < 1.2


async def test_what_waits_for_something_else_ends_too(pools: Pools) -> None:
    database = pools("files")

    async def sleeps() -> None:
        async with deadline.command(0.3), database.transaction() as connection:
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(30)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await sleeps()
    assert time.monotonic() - began < 0.8
    async with deadline.command(5), database.transaction() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_no_connection_is_lost(pools: Pools) -> None:
    database = pools("files")
    for _ in range(40):
        with pytest.raises(Unavailable):
            async with deadline.command(0.02), database.transaction() as connection:
                await connection.execute(text("SELECT pg_sleep(5)"))

    async def are_all_back() -> bool:
        return database.engine.pool.checkedout() == 0  # type: ignore[attr-defined,no-any-return]

    await eventually(are_all_back)  # one that was still being opened is closed when it is there


async def test_who_is_cancelled_at_the_end_cuts_nobody_elses_connection(
    fresh_postgres: PrivateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(fresh_postgres.url("files"), pool_size=1, overflow=0)
    at_end, close = asyncio.Event(), AsyncConnection.close

    async def closing(connection: AsyncConnection) -> None:
        at_end.set()
        await asyncio.sleep(0.1)
        await close(connection)

    async def short() -> None:
        async with deadline.command(1.0), database.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "close", closing)
        first = asyncio.create_task(short())
        await asyncio.wait_for(at_end.wait(), 5)
    first.cancel()
    async with deadline.command(8.0), database.transaction() as connection:
        await connection.execute(text("SELECT pg_sleep(1.5)"))
    await database.close()


async def test_what_has_no_deadline_has_none(pools: Pools) -> None:
    async with pools("files").transaction() as connection:
        await connection.execute(text("SELECT pg_sleep(0.1)"))
    assert deadline.current() is None
    assert deadline.left(7.0) == 7.0
