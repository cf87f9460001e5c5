"""The event store on real Postgres: what it promises whatever is written beside it."""

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from deploy.postgres.provision import ROLES
from services.files.domain.file import EVENTS, FILE, delete, stream
from shared.db import Database
from shared.errors import ConcurrencyConflict, NotFound
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import Batch, EventStore
from tests.integration.conftest import Pools
from tests.support.databases import SCHEMAS, PrivateDatabase
from tests.support.events import ANN, deleted, replaced, uploaded
from tests.support.sent_statements import statements_of
from tests.support.waiting import eventually

STORE = EventStore(EventTypes(EVENTS))
WRITERS, ROUNDS, STREAMS = 8, 25, 5


async def test_events_come_back_as_they_were_stored(pools: Pools) -> None:
    database, file_id = pools("files"), uuid4()
    events = [uploaded(file_id), replaced(file_id, 2), deleted(file_id, 2)]
    async with database.transaction() as connection:
        stored = await STORE.append(connection, stream(file_id), 0, events)
    async with database.transaction() as connection:
        loaded = await STORE.load(connection, stream(file_id))
    assert loaded == stored
    assert [recorded.event for recorded in loaded] == events
    assert [recorded.version for recorded in loaded] == [1, 2, 3]
    assert {recorded.metadata.user_id for recorded in loaded} == {ANN}


async def test_only_the_first_of_two_writers_with_the_same_knowledge_is_heard(
    pools: Pools,
) -> None:
    database, file_id = pools("files"), uuid4()

    async def upload() -> None:
        async with database.transaction() as connection:
            await STORE.append(connection, stream(file_id), 0, [uploaded(file_id)])

    outcomes = await asyncio.gather(*(upload() for _ in range(4)), return_exceptions=True)
    assert sorted(map(type, outcomes), key=str) == [type(None)] + 3 * [ConcurrencyConflict]
    async with database.transaction() as connection:
        assert len(await STORE.load(connection, stream(file_id))) == 1


async def test_a_batch_of_streams_is_stored_whole_or_not_at_all(pools: Pools) -> None:
    database, old, new = pools("files"), uuid4(), uuid4()
    async with database.transaction() as connection:
        await STORE.append(connection, stream(old), 0, [uploaded(old)])
    batches = [
        Batch(stream(new), 0, [uploaded(new)]),
        Batch(stream(old), 0, [replaced(old, 2)]),  # somebody has been here before
    ]
    with pytest.raises(ConcurrencyConflict):
        async with database.transaction() as connection:
            await STORE.append_many(connection, batches)
    async with database.transaction() as connection:
        assert await STORE.load(connection, stream(new)) == []


async def test_a_conflict_leaves_the_transaction_as_it_was(pools: Pools) -> None:
    """Whoever was too slow looks again and decides anew, in the same transaction."""
    database, file_id = pools("files"), uuid4()
    async with database.transaction() as connection:
        await STORE.append(connection, stream(file_id), 0, [uploaded(file_id)])
    async with database.transaction() as connection:
        for wrong in (0, 2):  # too old, and beyond the last one
            with pytest.raises(ConcurrencyConflict):
                await STORE.append(connection, stream(file_id), wrong, [replaced(file_id, 2)])
        await STORE.append(connection, stream(file_id), 1, [replaced(file_id, 2)])
    async with database.transaction() as connection:
        loaded = await STORE.load(connection, stream(file_id))
    assert [recorded.version for recorded in loaded] == [1, 2]


async def test_what_a_savepoint_undoes_is_as_if_it_had_never_been(pools: Pools) -> None:
    database, file_id = pools("files"), uuid4()
    async with database.transaction() as connection:
        savepoint = await connection.begin_nested()
        await STORE.append(connection, stream(file_id), 0, [uploaded(file_id)])
        await savepoint.rollback()
        async with database.transaction() as other:
            await STORE.append(other, stream(file_id), 0, [uploaded(file_id)])
        await STORE.append(connection, stream(file_id), 1, [replaced(file_id, 2)])
    async with database.transaction() as connection:
        loaded = await STORE.load(connection, stream(file_id))
    assert [recorded.event.type_name() for recorded in loaded] == ["FileUploaded", "FileReplaced"]


async def test_an_append_is_one_statement(pools: Pools) -> None:
    """Whatever is waited for between two statements, all other writers wait for too."""
    database, first, second = pools("files"), uuid4(), uuid4()
    batches = [Batch(stream(one), 0, [uploaded(one), replaced(one, 2)]) for one in (first, second)]
    async with database.transaction() as connection:
        with statements_of(database) as statements:
            stored = await STORE.append_many(connection, batches)
    assert len(statements) == 1
    assert [(recorded.stream_id, recorded.version) for recorded in stored] == [
        (stream(one), version) for one in (first, second) for version in (1, 2)
    ]


async def test_only_the_service_itself_can_append(postgres: PrivateDatabase) -> None:
    connection = await postgres.admin()
    try:
        for schema in SCHEMAS:
            function = f"{schema}.append_events(text[], int[], jsonb)"
            allowed = [role for role in ROLES if await connection.fetchval(_MAY, role, function)]
            assert allowed == [f"prereview_{schema}", f"prereview_{schema}_owner"]
    finally:
        await connection.close()


_MAY = "SELECT has_function_privilege($1, $2, 'EXECUTE')"


async def test_a_position_is_seen_only_after_all_positions_before_it(pools: Pools) -> None:
    """A cursor that has passed an uncommitted event would never come back for it."""
    database, slow, fast = pools("files"), uuid4(), uuid4()
    start = await _last_position(database)

    async def overtake() -> None:
        async with database.transaction() as connection:
            await STORE.append(connection, stream(fast), 0, [uploaded(fast)])

    async with database.transaction() as connection:
        await STORE.append(connection, stream(slow), 0, [uploaded(slow)])
        overtaking = asyncio.create_task(overtake())
        await eventually(partial(_is_waiting_for_a_lock, database))
        assert await _last_position(database) == start
    await overtaking
    async with database.transaction() as connection:
        seen = await STORE.read_page(connection, start, 10, STORE.types.names())
    assert [recorded.stream_id for recorded in seen] == [stream(slow), stream(fast)]


async def _is_waiting_for_a_lock(database: Database) -> bool:
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event = 'advisory'"
    )
    async with database.transaction() as connection:
        return bool(await connection.scalar(text(query)))


async def test_a_refused_command_stores_nothing(pools: Pools) -> None:
    database, file_id = pools("files"), uuid4()
    decide = partial(delete, file_id=file_id, user_id=ANN)
    with pytest.raises(NotFound):
        async with database.transaction() as connection:
            await execute(connection, STORE, FILE, stream(file_id), decide)
    async with database.transaction() as connection:
        assert await STORE.load(connection, stream(file_id)) == []


async def test_eight_writers_lose_nothing_and_a_cursor_reader_sees_all_in_order(
    pools: Pools,
) -> None:
    """The reader polls by position while the writers commit: it must miss nothing, ever."""
    database = pools("files")
    files = [uuid4() for _ in range(STREAMS)]
    start = await _last_position(database)
    writing = asyncio.gather(*(_write(database, files) for _ in range(WRITERS)))
    reading = asyncio.create_task(_read_from(database, start, STREAMS + WRITERS * ROUNDS))
    await writing
    seen = await asyncio.wait_for(reading, 20)
    assert len({recorded.event_id for recorded in seen}) == len(seen) == STREAMS + WRITERS * ROUNDS
    positions = [recorded.position for recorded in seen]
    assert positions == sorted(positions)
    for file_id in files:
        versions = [r.version for r in seen if r.stream_id == stream(file_id)]
        assert versions == list(range(1, len(versions) + 1))
    async with database.transaction() as connection:
        stored = [r async for page in STORE.read_pages(connection, start) for r in page]
    assert stored == seen


async def _write(database: Database, files: Sequence[UUID]) -> None:
    """One more version of each file in turn; begin those that are not there yet."""
    done = 0
    while done < ROUNDS:
        file_id = files[done % len(files)]
        try:
            async with database.transaction() as connection:
                history = await STORE.load(connection, stream(file_id))
                number = len(history)
                event = replaced(file_id, number + 1) if number else uploaded(file_id)
                await STORE.append(connection, stream(file_id), number, [event])
        except ConcurrencyConflict:
            continue
        done += bool(number)


async def _read_from(database: Database, position: int, expected: int) -> list[RecordedEvent]:
    seen: list[RecordedEvent] = []
    while len(seen) < expected:
        async with database.transaction() as connection:
            page = await STORE.read_page(connection, position, 7, STORE.types.names())
        seen += page
        position = page[-1].position if page else position
        await asyncio.sleep(0)
    return seen


async def _last_position(database: Database) -> int:
    async with database.transaction() as connection:
        return await connection.scalar(text("SELECT max(position) FROM events")) or 0


async def test_history_longer_than_a_page_is_read_whole(fresh_postgres: PrivateDatabase) -> None:
    database, file_id = Database(fresh_postgres.url("files")), uuid4()
    try:
        events = [uploaded(file_id), *(replaced(file_id, n) for n in range(2, 1203))]
        async with database.transaction() as connection:
            await STORE.append(connection, stream(file_id), 0, events)
        async with database.transaction() as connection:
            read = [
                recorded.event async for page in STORE.read_pages(connection) for recorded in page
            ]
        assert read == events
    finally:
        await database.close()
