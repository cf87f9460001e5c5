"""`execute` beside other writers on real Postgres: a conflict is repaired, a second can't occur."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.errors import ConcurrencyConflict
from shared.eventsourcing.decider import Decider
from shared.eventsourcing.event import Event, EventTypes, RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.sent_statements import statements_of
from tests.support.waiting import eventually

WRITERS, ROUNDS = 8, 25


class Counted(Event):
    number: int


COUNTER = Decider(0, lambda count, _: count + 1)


def count(number: int) -> list[Event]:
    return [Counted(number=number + 1)]


class CountingStore(EventStore):
    """Counts loads, and lets a subclass act between a load and the append that follows it."""

    def __init__(self) -> None:
        super().__init__(EventTypes([Counted]))
        self.loads = 0

    async def load(
        self, connection: AsyncConnection, stream_id: str, after: int = 0
    ) -> list[RecordedEvent]:
        found = await super().load(connection, stream_id, after)
        self.loads += 1
        await self.loaded(stream_id)
        return found

    async def loaded(self, stream_id: str) -> None: ...


class RivalStore(CountingStore):
    """After each load another transaction appends to the same stream, if it is let."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.rivals: list[asyncio.Task[int]] = []

    async def loaded(self, stream_id: str) -> None:
        rival = asyncio.create_task(add_one(self._database, CountingStore(), stream_id))
        self.rivals.append(rival)
        if self.loads == 1:
            await rival
        else:
            await eventually(partial(is_waiting_for_append_lock, self._database))


async def add_one(database: Database, store: EventStore, stream_id: str) -> int:
    """The version that the command appended."""
    async with database.transaction() as connection:
        [recorded] = await execute(connection, store, COUNTER, stream_id, count)
    return recorded.version


async def is_waiting_for_append_lock(database: Database) -> bool:
    query = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'advisory'
    """
    async with database.transaction() as connection:
        return bool(await connection.scalar(text(query)))


async def test_a_rival_can_win_the_first_attempt_and_waits_during_the_second(pools: Pools) -> None:
    database, stream_id = pools("files"), f"file-{uuid4()}"
    store = RivalStore(database)
    assert await add_one(database, store, stream_id) == 2
    assert store.loads == 2
    assert await asyncio.gather(*store.rivals) == [1, 3]


async def test_many_writers_of_one_stream_need_at_most_two_attempts_each(pools: Pools) -> None:
    database, stream_id = pools("files"), f"file-{uuid4()}"
    loads: list[int] = []

    async def write() -> list[int]:
        versions = []
        for _ in range(ROUNDS):
            store = CountingStore()
            versions.append(await add_one(database, store, stream_id))
            loads.append(store.loads)
        return versions

    found = await asyncio.gather(*(write() for _ in range(WRITERS)))
    assert sorted(version for versions in found for version in versions) == list(
        range(1, WRITERS * ROUNDS + 1)
    )
    assert set(loads) == {1, 2}


async def test_without_a_rival_a_command_costs_one_load_and_one_append(pools: Pools) -> None:
    database, store, stream_id = pools("files"), CountingStore(), f"file-{uuid4()}"
    async with database.transaction() as connection:
        with statements_of(database) as statements:
            await execute(connection, store, COUNTER, stream_id, count)
    assert len(statements) == 2


async def test_a_stream_with_a_gap_is_a_conflict_that_leaves_the_transaction_usable(
    pools: Pools,
) -> None:
    database, store, stream_id = pools("files"), CountingStore(), f"file-{uuid4()}"
    query = """
    INSERT INTO events (
        event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
    VALUES (:id, :stream_id, 7, 'Counted', 1, '{"number": 7}', '{}', now())
    """
    async with database.transaction() as connection:
        await connection.execute(text(query), {"id": uuid4(), "stream_id": stream_id})
        with pytest.raises(ConcurrencyConflict):
            await execute(connection, store, COUNTER, stream_id, count)
        assert store.loads == 2
        other = f"file-{uuid4()}"
        assert len(await execute(connection, store, COUNTER, other, count)) == 1
