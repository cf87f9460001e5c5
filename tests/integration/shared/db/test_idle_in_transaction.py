"""A program that was stopped in the middle of its work doesn't hold up the others."""

import asyncio

import pytest
from sqlalchemy import text

from shared.db import Database, DatabaseUnavailable
from tests.integration.conftest import Pools

MINE = "SELECT pg_advisory_xact_lock(1)"


async def _lock_and_leave_alone(database: Database) -> None:
    async with database.transaction() as connection:
        # A minute for the role; here there is no time to wait for it.
        await connection.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))
        await connection.execute(text(MINE))
        await asyncio.sleep(0.5)
        await connection.execute(text("SELECT 1"))


async def test_a_transaction_that_was_left_alone_too_long_can_be_tried_again(pools: Pools) -> None:
    with pytest.raises(DatabaseUnavailable):
        await _lock_and_leave_alone(pools("files"))
    async with pools("files").transaction() as connection:
        await connection.execute(text(MINE))
