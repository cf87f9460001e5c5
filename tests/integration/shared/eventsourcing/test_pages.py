"""Pages of events have a bound in bytes, in rows, and in rows looked at."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from shared.db import Database
from shared.eventsourcing import pages
from shared.eventsourcing.pages import Row, read_page
from shared.eventsourcing.scans import scan
from shared.messaging.outbox.relay_limits import RelayLimits
from tests.integration.shared.messaging.outbox.test_set_aside import STORE, drain, ids_in, relaying
from tests.support.broker import Broker
from tests.support.databases import PrivateDatabase
from tests.support.stored_rows import store_row, upload_data

PRIVATE = ["OwnerErased"]


@pytest_asyncio.fixture
async def database(fresh_postgres: PrivateDatabase) -> AsyncIterator[Database]:
    made = Database(fresh_postgres.url("files"))
    yield made
    await made.close()


async def _store_private(database: Database, count: int) -> None:
    query = (
        "INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata,"
        " recorded_at) SELECT gen_random_uuid(), 'owner-' || gen_random_uuid(), 1, 'OwnerErased',"
        " 1, '{}', '{}', now() FROM generate_series(1, :count)"
    )
    async with database.transaction() as connection:
        await connection.execute(text(query), {"count": count})


async def _pages(
    database: Database, limit: int = 50, max_bytes: int | None = None
) -> list[list[Row]]:
    found, after = [], 0
    async with database.transaction() as connection:
        while page := await read_page(connection, "events", "true", {}, after, limit, max_bytes):
            found.append(list(page))
            after = page[-1].position
    return found


async def test_a_page_has_no_more_bytes_than_it_may(
    database: Database,
) -> None:
    sizes = [3000, 3000, 3000, 3000, 9000, 20_000, 10, 10]
    for size in sizes:
        await store_row(database, data=upload_data(name="x" * size))
    found = await _pages(database, max_bytes=10_000)
    assert [len(page) for page in found] == [3, 1, 1, 1, 2]
    assert [row.data is None for page in found for row in page] == [False] * len(sizes)


async def test_a_page_has_no_more_rows_than_it_may(database: Database) -> None:
    for _ in range(7):
        await store_row(database)
    assert [len(page) for page in await _pages(database, 3)] == [3, 3, 1]


async def test_what_is_far_too_large_is_not_even_sent(database: Database) -> None:
    await store_row(database, data=upload_data(name="x" * (pages.MAX_ROW_BYTES + 1)))
    await store_row(database)
    [[large, small]] = await _pages(database)
    assert (large.data, large.metadata) == (None, None)
    assert small.data is not None


async def test_a_scan_ends_though_nothing_is_wanted(
    database: Database,
) -> None:
    await _store_private(database, 250)
    wanted = await store_row(database)
    async with database.transaction() as connection:
        reached, seen = 0, list[Row]()
        for _ in range(3):
            step = await scan(connection, PRIVATE, reached, 50, 100)
            assert reached < step.reached <= reached + 100
            reached, seen = step.reached, [*seen, *step.rows]
        assert [row.event_id for row in seen] == [wanted]
        assert await scan(connection, PRIVATE, reached, 50, 100) == ([], reached)


async def test_the_relay_moves_over_what_it_does_not_tell(
    broker: Broker, database: Database
) -> None:
    heard = await broker.listener("files.*")
    await _store_private(database, 250)
    wanted = await store_row(database)
    async with relaying(database, broker.url, limits=RelayLimits(scan_rows=100)) as relay:
        assert await relay.step()
        assert await _behind_the_checkpoint(database) == 100
        await drain(relay)
        assert await ids_in(heard) == [wanted]
        assert not await relay.step()


async def _behind_the_checkpoint(database: Database) -> int:
    query = (
        "SELECT count(*) FROM events WHERE position <="
        " (SELECT position FROM checkpoints WHERE name = 'relay')"
    )
    async with database.transaction() as connection:
        return int(await connection.scalar(text(query)) or 0)


async def test_a_rebuild_reads_all_pages(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 5000)
    stored = [await store_row(database, data=upload_data(name="x" * 2000)) for _ in range(9)]
    async with database.transaction() as connection:
        read = [
            recorded.event_id async for page in STORE.read_pages(connection) for recorded in page
        ]
    assert read == stored
