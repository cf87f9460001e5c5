"""A check knows the checks before it without reading them all again."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.domain.checks import CHECKS, EVENTS, stream
from services.checker.results import snapshots
from services.checker.results.snapshots import Past
from services.checker.scheduling.scheduler import Scheduler
from shared.contracts.checker import FileChecked
from shared.eventsourcing.event import EventTypes
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore
from tests.integration.checker.story import CLEAN, UNTIDY, Story

BROKEN = b"def f(:\n"


class CountingStore(EventStore):
    """Knows how many events were read."""

    read = 0

    async def rows_of(self, connection: AsyncConnection, after: Mapping[str, int]) -> Sequence[Row]:
        found = await super().rows_of(connection, after)
        self.read += len(found)
        return found


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(EventTypes(EVENTS))


def _scheduler(story: Story, store: EventStore) -> Scheduler:
    return story.scheduler(store=store)


async def _check(story: Story, scheduler: Scheduler, file_id: UUID, *contents: bytes) -> None:
    """Save each content as the next version and have it checked."""
    for content in contents:
        version = len(await story.results(file_id)) + 1
        await story.save(file_id, content, version)
        await scheduler.step()


async def _kept(story: Story, file_id: UUID) -> Past:
    """The row of a file as it is, without what is read from the stream."""
    nothing = EventStore(EventTypes(()))
    async with story.database.transaction() as connection:
        return (await snapshots.load(connection, nothing, [file_id]))[file_id]


async def _forget(story: Story) -> None:
    """As it was before histories were kept."""
    async with story.database.transaction() as connection:
        await connection.execute(text("DELETE FROM histories"))


_SPOIL = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
VALUES (gen_random_uuid(), :stream, 1, 'FileChecked', 99, '{}', '{}', now())
"""


async def test_a_result_that_cannot_be_read_keeps_nobody_from_being_checked(
    story: Story, store: CountingStore
) -> None:
    spoilt, other, scheduler = uuid4(), uuid4(), _scheduler(story, store)
    async with story.database.transaction() as connection:
        await connection.execute(text(_SPOIL), {"stream": stream(spoilt)})
    await story.save(spoilt, UNTIDY)
    await story.save(other, UNTIDY)
    await scheduler.step()
    assert len(await story.results(other)) == 1
    async with story.database.transaction() as connection:
        rows = await store.rows(connection, stream(spoilt), 1)
    assert [row.version for row in rows] == [2]
    assert isinstance(rows[0].event(store.types).event, FileChecked)


async def test_the_row_is_what_the_stream_adds_up_to(story: Story, store: CountingStore) -> None:
    file_id, scheduler = uuid4(), _scheduler(story, store)
    for content in (UNTIDY, BROKEN, CLEAN, b"# coding: nonsense\n", UNTIDY + b"x = y\n"):
        await _check(story, scheduler, file_id, content)
        results = await story.results(file_id)
        kept = await _kept(story, file_id)
        assert kept == Past(len(results), CHECKS.state(results))
        assert list(kept.checks.history.ever) == list(CHECKS.state(results).history.ever)
    assert store.read == 0


async def test_a_file_checked_before_histories_were_kept_is_read_once(
    story: Story, store: CountingStore
) -> None:
    file_id, scheduler = uuid4(), _scheduler(story, store)
    await _check(story, scheduler, file_id, UNTIDY, CLEAN)
    await _forget(story)
    await _check(story, scheduler, file_id, UNTIDY, UNTIDY)
    assert store.read == 2
    third, fourth = (await story.results(file_id))[2:]
    assert isinstance(third, FileChecked)
    assert isinstance(fourth, FileChecked)
    assert third.counts.reopened > 0
    assert (fourth.counts.still, fourth.counts.new) == (third.counts.total, 0)


async def test_a_row_left_behind_by_an_older_copy_of_the_program_catches_up(
    story: Story, store: CountingStore
) -> None:
    file_id, scheduler = uuid4(), _scheduler(story, store)
    await _check(story, scheduler, file_id, UNTIDY)
    behind = await _kept(story, file_id)
    await _check(story, scheduler, file_id, CLEAN)
    async with story.database.transaction() as connection:
        await snapshots.save(connection, {file_id: behind})
    await _check(story, scheduler, file_id, UNTIDY)
    assert store.read == 1
    results = await story.results(file_id)
    assert isinstance(results[2], FileChecked)
    assert results[2].counts.reopened > 0
    assert await _kept(story, file_id) == Past(3, CHECKS.state(results))


async def test_a_result_that_is_not_stored_leaves_no_trace_in_the_row(
    story: Story, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, scheduler = uuid4(), _scheduler(story, store)
    await _check(story, scheduler, file_id, UNTIDY)
    before = await _kept(story, file_id)

    async def fail(*_: object) -> None:
        raise ValueError("no room on the shelf")

    monkeypatch.setattr(snapshots, "save", fail)
    await story.save(file_id, CLEAN, 2)
    with pytest.raises(ValueError, match="shelf"):
        await scheduler.step()
    monkeypatch.undo()
    assert len(await story.results(file_id)) == 1
    await scheduler.step()
    assert len(await story.results(file_id)) == 2
    async with story.database.transaction() as connection:
        assert len(await store.load(connection, stream(file_id), before.version)) == 1
    assert (await _kept(story, file_id)).version == 2
