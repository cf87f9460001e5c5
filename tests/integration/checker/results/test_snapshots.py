"""A check is compared with earlier ones without reading all their events again."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.domain.checks import CHECKS, EVENTS, stream
from services.checker.results import snapshots
from services.checker.results.snapshots import Snapshot
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import FileChecked
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore
from tests.integration.checker.harness import CLEAN, UNTIDY, CheckerHarness
from tests.support.administrator import Sql

BROKEN = b"def f(:\n"


class CountingStore(EventStore):
    """Counts the events that are read."""

    read = 0

    async def rows_of(self, connection: AsyncConnection, after: Mapping[str, int]) -> Sequence[Row]:
        found = await super().rows_of(connection, after)
        self.read += len(found)
        return found


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(EventTypes(EVENTS))


def _scheduler(checker: CheckerHarness, store: EventStore) -> Scheduler:
    return checker.scheduler(store=store)


async def _check(
    checker: CheckerHarness, scheduler: Scheduler, file_id: UUID, *contents: bytes
) -> None:
    """Save each content as the next version and have it checked."""
    for content in contents:
        version = len(await checker.results(file_id)) + 1
        await checker.save(file_id, content, version)
        await scheduler.step()


async def _stored(checker: CheckerHarness, file_id: UUID) -> Snapshot:
    """The stored snapshot of a file, without the events after it."""
    nothing = EventStore(EventTypes(()))
    async with checker.database.transaction() as connection:
        return (await snapshots.load(connection, nothing, [file_id]))[file_id]


async def _forget(checker: CheckerHarness) -> None:
    """Delete all snapshots."""
    async with checker.database.transaction() as connection:
        await connection.execute(text("DELETE FROM histories"))


_SPOIL = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
VALUES (gen_random_uuid(), :stream, 1, 'FileChecked', 99, '{}', '{}', now())
"""


_REFUSE = """
CREATE FUNCTION checker.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE 'no snapshot today'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON checker.histories FOR EACH ROW
EXECUTE FUNCTION checker.refuse()
"""


async def test_an_unreadable_event_does_not_stop_other_checks(
    checker: CheckerHarness, store: CountingStore
) -> None:
    spoilt, other, scheduler = uuid4(), uuid4(), _scheduler(checker, store)
    async with checker.database.transaction() as connection:
        await connection.execute(text(_SPOIL), {"stream": stream(spoilt)})
    await checker.save(spoilt, UNTIDY)
    await checker.save(other, UNTIDY)
    await scheduler.step()
    assert len(await checker.results(other)) == 1
    async with checker.database.transaction() as connection:
        rows = await store.rows(connection, stream(spoilt), 1)
    assert [row.version for row in rows] == [2]
    assert isinstance(rows[0].event(store.types).event, FileChecked)


async def test_the_snapshot_is_the_state_after_all_events(
    checker: CheckerHarness, store: CountingStore
) -> None:
    file_id, scheduler = uuid4(), _scheduler(checker, store)
    for content in (UNTIDY, BROKEN, CLEAN, b"# coding: nonsense\n", UNTIDY + b"x = y\n"):
        await _check(checker, scheduler, file_id, content)
        results = await checker.results(file_id)
        kept = await _stored(checker, file_id)
        assert kept == Snapshot(len(results), CHECKS.state(results))
        assert list(kept.checks.history.seen) == list(CHECKS.state(results).history.seen)
    assert store.read == 0


async def test_a_missing_snapshot_is_rebuilt_from_the_stream_once(
    checker: CheckerHarness, store: CountingStore
) -> None:
    file_id, scheduler = uuid4(), _scheduler(checker, store)
    await _check(checker, scheduler, file_id, UNTIDY, CLEAN)
    await _forget(checker)
    await _check(checker, scheduler, file_id, UNTIDY, UNTIDY)
    assert store.read == 2
    third, fourth = (await checker.results(file_id))[2:]
    assert isinstance(third, FileChecked)
    assert isinstance(fourth, FileChecked)
    assert third.counts.reopened > 0
    assert (fourth.counts.still, fourth.counts.new) == (third.counts.total, 0)


async def test_an_old_snapshot_is_brought_up_to_date(
    checker: CheckerHarness, store: CountingStore
) -> None:
    file_id, scheduler = uuid4(), _scheduler(checker, store)
    await _check(checker, scheduler, file_id, UNTIDY)
    old = await _stored(checker, file_id)
    await _check(checker, scheduler, file_id, CLEAN)
    async with checker.database.transaction() as connection:
        await snapshots.save(connection, {file_id: old})
    await _check(checker, scheduler, file_id, UNTIDY)
    assert store.read == 1
    results = await checker.results(file_id)
    assert isinstance(results[2], FileChecked)
    assert results[2].counts.reopened > 0
    assert await _stored(checker, file_id) == Snapshot(3, CHECKS.state(results))


async def test_a_result_is_not_stored_without_its_snapshot(
    checker: CheckerHarness, store: CountingStore, sql: Sql
) -> None:
    file_id, scheduler = uuid4(), _scheduler(checker, store)
    await _check(checker, scheduler, file_id, UNTIDY)
    before = await _stored(checker, file_id)
    await sql(_REFUSE)
    await checker.save(file_id, CLEAN, 2)
    with pytest.raises(DBAPIError, match="no snapshot today"):
        await scheduler.step()
    await sql("DROP TRIGGER refuse ON checker.histories")
    assert len(await checker.results(file_id)) == 1
    await scheduler.step()
    assert len(await checker.results(file_id)) == 2
    async with checker.database.transaction() as connection:
        assert len(await store.load(connection, stream(file_id), before.version)) == 1
    assert (await _stored(checker, file_id)).version == 2
