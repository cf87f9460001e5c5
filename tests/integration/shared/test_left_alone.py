"""A program that was stopped in the middle of its work doesn't hold up the others."""

import asyncio

import pytest
from sqlalchemy import text

from shared.db import DatabaseAway
from tests.integration.conftest import Pools


async def test_a_transaction_that_was_left_alone_too_long_can_be_tried_again(pools: Pools) -> None:
    database = pools("files")
    with pytest.raises(DatabaseAway):
        async with database.transaction() as connection:
            # A minute for the role; here there is no time to wait for it.
            await connection.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
            await asyncio.sleep(0.5)
            await connection.execute(text("SELECT 1"))
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT pg_try_advisory_xact_lock(1)"))
