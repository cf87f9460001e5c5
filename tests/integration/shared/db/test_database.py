"""Connections of the pool: open when they are given out, and with no more talk than is needed."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import text

from shared.db import Database
from tests.integration.conftest import Pools
from tests.support.databases import PrivateDatabase

TOGETHER = 5
BEGUN = text("SELECT transaction_timestamp()")
PID = text("SELECT pg_backend_pid()")


async def _fill(database: Database) -> None:
    """Have some connections opened, which wait in the pool."""
    async with AsyncExitStack() as stack:
        for _ in range(TOGETHER):
            connection = await stack.enter_async_context(database.transaction())
            await connection.scalar(PID)


async def _end_all(postgres: PrivateDatabase, role: str) -> None:
    admin = await postgres.admin()
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", role
        )
    finally:
        await admin.close()
    await asyncio.sleep(0.1)


async def test_connections_that_the_server_has_ended_are_not_given_out(
    pools: Pools, postgres: PrivateDatabase
) -> None:
    database = pools("files")
    for _ in range(3):
        await _fill(database)
        await _end_all(postgres, "prereview_files")
        pids = [await _pid(database) for _ in range(TOGETHER)]
        assert all(pids)


async def _pid(database: Database) -> int:
    async with database.transaction() as one, database.autocommit() as other:
        pids = [int(await connection.scalar(PID)) for connection in (one, other)]
    assert pids[0] != pids[1]
    return pids[0]


async def test_each_question_sees_what_is_committed_when_it_is_asked(pools: Pools) -> None:
    async with pools("files").autocommit() as connection:
        assert await connection.scalar(BEGUN) < await connection.scalar(BEGUN)
    async with pools("files").transaction() as connection:
        assert await connection.scalar(BEGUN) == await connection.scalar(BEGUN)


async def test_after_questions_a_transaction_is_one_again(pools: Pools) -> None:
    database = Database(pools("files").engine.url.render_as_string(hide_password=False))
    try:
        for _ in range(3):
            async with database.autocommit() as connection:
                first = await connection.scalar(PID)
            async with database.transaction() as connection:
                assert await connection.scalar(PID) == first
                begun = [await connection.scalar(BEGUN) for _ in range(2)]
                assert begun[0] == begun[1]
    finally:
        await database.close()
