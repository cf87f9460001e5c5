"""Which copies are there, and what happens to the claims of those that are not."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.coordination.copies import DEAD_AFTER, Copy
from shared.db import Database
from tests.support.copies import end_sessions
from tests.support.databases import PrivateDatabase
from tests.support.proxy import proxy_to

_CLAIM = """
INSERT INTO files (file_id, user_id, sequence, deleted)
VALUES (gen_random_uuid(), gen_random_uuid(), 1, false);
INSERT INTO versions (file_id, version, user_id, name, sha256, changed_at, deleted, claimed_by)
SELECT file_id, 1, user_id, 'main.py', '', now(), false, {number} FROM files
"""


class World:
    """Copies of a checker, and whose claims were ended."""

    def __init__(self, postgres: PrivateDatabase) -> None:
        self.postgres = postgres
        self.database = Database(postgres.url("checker"))
        self.ended: list[int] = []
        self.copies: list[Copy] = []

    async def copy(self, database: Database | None = None, **options: Any) -> Copy:
        async def end(_: AsyncConnection, dead: Collection[int]) -> int:
            self.ended += dead
            return len(dead)

        made = Copy(database or self.database, "versions", end, **options)
        self.copies.append(made)
        await made.step()
        return made

    async def claim(self, number: int) -> None:
        async with self.database.transaction() as connection:
            for statement in _CLAIM.format(number=number).split(";"):
                await connection.execute(text(statement))

    async def close(self) -> None:
        for one in self.copies:
            await one.close()
        await self.database.close()


@pytest_asyncio.fixture
async def world(fresh_postgres: PrivateDatabase) -> AsyncIterator[World]:
    world = World(fresh_postgres)
    yield world
    await world.close()


async def _look(copy: Copy, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await copy.step()
        await asyncio.sleep(0.1)


async def test_claims_of_a_dead_copy_end_and_those_of_a_living_one_do_not(world: World) -> None:
    dead, living, heir = [await world.copy() for _ in range(3)]
    await world.claim(dead.number)
    await _look(heir, 0.5)
    assert world.ended == []
    await dead.close()
    heir.doorbell.clear()
    await _look(heir, DEAD_AFTER / 2)
    assert world.ended == []  # it may only have lost its session
    await _look(heir, DEAD_AFTER)
    assert set(world.ended) == {dead.number}
    assert heir.doorbell.is_set()
    assert living.is_present


async def test_a_copy_that_comes_back_in_time_is_not_missed(world: World) -> None:
    absent, other = [await world.copy() for _ in range(2)]
    number = absent.number
    await world.claim(number)
    for _ in range(3):
        await absent.close()
        await _look(other, DEAD_AFTER / 2)
        await absent.step()
        await other.step()
    assert (absent.number, absent.is_present) == (number, True)
    assert world.ended == []


async def test_after_a_restart_of_the_database_nobody_is_missed_at_first(world: World) -> None:
    slow = await world.copy()
    await world.claim(slow.number)
    async with proxy_to(world.postgres.url("checker")) as (proxy, url):
        database = Database(url)
        quick = await world.copy(database)
        seen = [quick.is_present]
        await proxy.cut()
        await slow.close()
        await quick.step()
        seen.append(quick.is_present)  # and claims nothing
        await proxy.mend()
        await _look(quick, DEAD_AFTER + 1)
        seen.append(quick.is_present)
        assert seen == [True, False, True]
        assert world.ended == []
        await quick.close()
        await database.close()


async def test_of_a_killed_session_nobody_is_the_worse(world: World) -> None:
    copy = await world.copy()
    number = copy.number
    for _ in range(3):
        await end_sessions(world.postgres)
        assert await copy.step()  # at once again
        await copy.step()
        assert (copy.number, copy.is_present) == (number, True)


async def test_no_two_copies_have_one_number(world: World) -> None:
    numbers = iter([7, 7, 7, 8])
    first, second = [await world.copy(random_number=lambda: next(numbers)) for _ in range(2)]
    assert (first.number, second.is_present) == (7, False)
    await second.step()
    await second.step()
    assert (second.number, second.is_present) == (8, True)


async def test_a_number_whose_old_session_lingers_is_waited_for(world: World) -> None:
    """Postgres does not know yet that the connection is gone."""
    copy = await world.copy()
    number, lingering = copy.number, copy._connection
    assert lingering is not None
    copy._connection = None
    await copy.step()
    assert (copy.number, copy.is_present) == (number, False)
    await lingering.invalidate()
    await lingering.close()
    await copy.step()
    assert (copy.number, copy.is_present) == (number, True)


async def test_a_copy_that_says_nothing_loses_its_session(world: World) -> None:
    frozen, other = await world.copy(idle_session_timeout=0.3), await world.copy()
    await world.claim(frozen.number)
    await asyncio.sleep(0.6)
    await _look(other, DEAD_AFTER + 0.5)
    assert set(world.ended) == {frozen.number}
