"""A rebuild puts its tables in place when nobody reads, and keeps nobody waiting until then."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import EVENTS
from services.files.projections import FILES, PROJECTIONS, history
from services.rebuild import main
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.event import EventTypes, RecordedEvent, UnreadableRowError
from shared.eventsourcing.projection import Projection
from shared.eventsourcing.rebuild import rebuilder
from shared.eventsourcing.rebuild.rebuilder import rebuild
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.integration.shared.eventsourcing.rebuild.test_rebuilder import _count, _rows, _upload
from tests.support.databases import PrivateDatabase
from tests.support.stored_rows import store_row
from tests.support.waiting import eventually

STORE = EventStore(EventTypes(EVENTS), PROJECTIONS)
_OTHERS_APPEND = """
SELECT NOT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '/append', 0))
"""


async def _look(database: Database) -> float:
    """Read as people do; the seconds it took."""
    began = time.monotonic()
    async with database.transaction() as connection:
        await connection.execute(
            text("SELECT count(*) FROM files JOIN file_versions USING (file_id)")
        )
    return time.monotonic() - began


async def test_the_swap_waits_for_a_long_reader_and_nobody_else_does(
    pools: Pools,
) -> None:
    database, owner, user_id = pools("files"), pools("files_owner"), uuid4()
    await _upload(database, "long.py", user_id)
    told: list[str] = []
    waits: list[float] = []
    async with database.transaction() as reader:
        await _count(reader, user_id)
        pid = await reader.scalar(text("SELECT pg_backend_pid()"))
        rebuilding = asyncio.create_task(
            rebuild(owner, "files", [FILES], history, report=told.append, report_interval=0.5)
        )
        while len(told) < 3:  # some tries
            waits.append(await _look(database))
            await _upload(database, f"during{len(waits)}.py", user_id)
        assert not rebuilding.done()
        assert await _count(reader, user_id) == len(waits) + 1
    await asyncio.wait_for(rebuilding, 20)
    assert all(f"{pid}" in sentence for sentence in told)
    assert all("waits for readers" in sentence for sentence in told)
    assert len(waits) > 10
    assert max(waits) < 5 * rebuilder.FIRST_LOCK_TIMEOUT
    async with database.transaction() as connection:
        assert await _count(connection, user_id) == len(waits) + 1


async def test_readers_one_after_the_other_do_not_keep_it(pools: Pools) -> None:
    database, owner = pools("files"), pools("files_owner")
    done = asyncio.Event()

    async def read_without_end() -> None:
        while not done.is_set():
            async with database.transaction() as connection:
                await connection.execute(text("SELECT * FROM files"))
                await asyncio.sleep(0.05)

    readers = [asyncio.create_task(read_without_end()) for _ in range(4)]
    try:
        await asyncio.wait_for(rebuild(owner, "files", [FILES], history), 30)
    finally:
        done.set()
        await asyncio.gather(*readers)


async def test_the_append_lock_is_free_while_it_waits_for_a_reader(
    pools: Pools,
) -> None:
    """At any moment, not only now and then: whoever asks for it without waiting gets it."""
    database, owner = pools("files"), pools("files_owner")
    told: list[str] = []
    async with database.transaction() as reader:
        await reader.execute(text("SELECT count(*) FROM files"))
        rebuilding = asyncio.create_task(
            rebuild(owner, "files", [FILES], history, report=told.append, report_interval=0.5)
        )
        await eventually(lambda: _said(told))
        query = text("SELECT pg_try_advisory_xact_lock(hashtextextended('files/append', 0))")
        for _ in range(50):
            async with database.transaction() as connection:
                assert await connection.scalar(query)
            await asyncio.sleep(0.02)
    await asyncio.wait_for(rebuilding, 20)


async def _said(told: list[str]) -> bool:
    return bool(told)


async def test_a_long_tail_is_applied_while_writers_write(pools: Pools) -> None:
    """While it builds, more happens than it may apply under the lock."""
    database, owner, user_id = pools("files"), pools("files_owner"), uuid4()
    under_lock: list[int] = []
    first = True

    async def busy(
        connection: AsyncConnection, after: int
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        nonlocal first
        async with database.transaction() as writer:
            held = await writer.scalar(text(_OTHERS_APPEND))
        count = 0
        async for page in history(connection, after):
            yield page
            count += len(page)
        if held:
            under_lock.append(count)
        if first:
            first = False
            for number in range(rebuilder.SHORT_TAIL + 20):
                await _upload(database, f"tail{number}.py", user_id)

    await rebuild(owner, "files", [FILES], busy)
    assert under_lock == [0]
    async with database.transaction() as connection:
        assert await _count(connection, user_id) == rebuilder.SHORT_TAIL + 20


async def test_a_writer_that_holds_the_lock_for_long_is_waited_for(pools: Pools) -> None:
    """Longer than any lock or command may take elsewhere; readers read on."""
    database = pools("files")
    impatient = Database(
        pools("files_owner").engine.url.render_as_string(hide_password=False), lock_timeout=0.3
    )
    async with database.transaction() as writer:
        await take_append_lock(writer)
        rebuilding = asyncio.create_task(rebuild(impatient, "files", [FILES], history))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert await _look(database) < 1
        assert not rebuilding.done()
    await asyncio.wait_for(rebuilding, 20)
    await impatient.close()


async def test_nothing_is_left_of_a_rebuild_that_failed(pools: Pools) -> None:
    """What was in the shadow would be hidden from an erasure."""
    await _upload(pools("files"), "left.py", uuid4())

    async def fails(_connection: AsyncConnection, _events: Sequence[RecordedEvent]) -> None:
        raise RuntimeError("bug in a handler")

    broken = Projection("files", FILES.tables, dict.fromkeys(FILES.handlers, fails))
    with pytest.raises(RuntimeError):
        await rebuild(pools("files_owner"), "files", [broken], history)
    async with pools("files_owner").transaction() as connection:
        assert await connection.scalar(text("SELECT to_regnamespace('files_rebuild')")) is None


async def test_waiting_for_another_rebuild_is_told_and_keeps_no_snapshot(pools: Pools) -> None:
    owner, told = pools("files_owner"), list[str]()
    async with owner.engine.connect() as other:
        query = text("SELECT pg_advisory_lock(hashtextextended('files/rebuild', 0))")
        await other.execute(query)
        await other.commit()
        rebuilding = asyncio.create_task(
            rebuild(owner, "files", [FILES], history, report=told.append, report_interval=0.5)
        )
        await eventually(lambda: _said(told))
        assert told == ["waits for another rebuild"]
        await asyncio.sleep(0.7)
        old = await other.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
            )
        )
        assert old == 0
        await other.execute(text("SELECT pg_advisory_unlock_all()"))
        await other.commit()
        await asyncio.wait_for(rebuilding, 20)


async def test_an_unreadable_event_ends_it_unless_it_is_to_be_skipped(
    fresh_postgres: PrivateDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database, owner = Database(fresh_postgres.url("files")), fresh_postgres.url("files_owner")
    await _upload(database, "before.py")
    await store_row(database, schema_version=7)
    await _upload(database, "after.py")
    before = await _rows(database, *FILES.tables)
    monkeypatch.setenv("PREREVIEW_MIGRATION_DATABASE_URL", owner)
    assert await asyncio.to_thread(main, ["files"]) == 1
    assert "position 2 can't be read: FileUploaded v7" in capsys.readouterr().err
    assert await _rows(database, *FILES.tables) == before
    assert await asyncio.to_thread(main, ["files", "--skip-unreadable"]) == 0
    output = capsys.readouterr()
    assert "rebuilt from 2 events" in output.out
    assert "skipped" in output.err
    assert await _rows(database, *FILES.tables) == before
    await database.close()


async def test_an_unreadable_event_is_named_by_its_position(
    fresh_postgres: PrivateDatabase,
) -> None:
    database = Database(fresh_postgres.url("files"))
    await store_row(database, data=[1])
    async with database.transaction() as connection:
        with pytest.raises(UnreadableRowError) as caught:
            [recorded async for page in STORE.read_pages(connection) for recorded in page]
    assert caught.value.position == 1
    await database.close()
