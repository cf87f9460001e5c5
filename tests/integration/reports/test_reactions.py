"""After the erasure of a user the journal, the tables and the feed have nothing of theirs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import chain
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from hypothesis import given, settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from services.reports.feed.reader import FeedReader
from services.reports.feed.stream import stream
from services.reports.journal_listener import JournalListener
from services.reports.projections import PROJECTIONS
from services.reports.projections.files import FILES
from services.reports.reactions import PREPARE, react
from shared.contracts.auth import UserErased
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import History
from shared.eventsourcing.rebuild.rebuilder import rebuild
from tests.integration.conftest import Pools
from tests.integration.reports.harness import check_recorded, file_saved, receive, user_erased
from tests.integration.reports.strategies import SECRET, histories_with_an_erasure
from tests.support.apps import is_problem
from tests.support.events import ANN, FINDING, checked, mail_failed, queued, recorded, sent
from tests.support.histories import Story
from tests.support.readmodels import Tables, after, rows_of

TABLES = ("files", "checks", "mails")
JOURNAL = "(SELECT event_id, user_id, type, data FROM journal)"


def events_of(user_id: UUID) -> Story:
    """A file, its check and its mail, with a secret in every text."""
    file_id, mail_id = uuid4(), uuid4()
    finding = FINDING.model_copy(update={"message": SECRET})
    texts = {"findings": [finding], "file_name": SECRET}
    check = checked(file_id, 1, user_id).model_copy(update=texts)
    check_id = check.check_id
    failed = mail_failed(mail_id, check_id, 1, user_id=user_id)
    done = sent(mail_id, check_id, 2, user_id)
    return [
        file_saved(file_id, user_id, name=SECRET),
        check_recorded(check),
        recorded(queued(mail_id, check_id, user_id), f"mail-{mail_id}", 1),
        recorded(failed.model_copy(update={"reason": SECRET}), f"mail-{mail_id}", 2),
        recorded(done.model_copy(update={"reply": SECRET}), f"mail-{mail_id}", 3),
    ]


async def tables(pools: Pools) -> Tables:
    async with pools("reports").transaction() as connection:
        return await rows_of(connection, TABLES)


async def rows_with(pools: Pools, user_id: UUID, word: str) -> dict[str, int]:
    """By table of the schema, how many rows about a user have a word."""
    found = {}
    async with pools("reports").transaction() as connection:
        names = await connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        )
        for table in names.all():
            query = (
                f"SELECT count(*) FROM {table} AS t"
                " WHERE t::text LIKE '%' || :word || '%' AND t::text LIKE '%' || :person || '%'"
            )
            values = {"word": word, "person": str(user_id)}
            found[table] = await connection.scalar(text(query), values) or 0
    return {table: count for table, count in found.items() if count}


async def test_nothing_that_a_person_wrote_is_left_in_any_table(
    pools: Pools, client: httpx2.AsyncClient, ann: UUID
) -> None:
    story = events_of(ann)
    await receive(pools, *story)
    assert set(await rows_with(pools, ann, SECRET)) == {"journal", *TABLES}
    await receive(pools, user_erased(ann))
    assert await rows_with(pools, ann, SECRET) == {}
    for what in ("files", "checks", "mails"):
        assert (await client.get(f"/internal/{what}")).json()[what] == []
    file = await client.get(f"/internal/files/{story[0].stream_id.removeprefix('file-')}")
    assert is_problem(file, 404, "not_found")


async def test_what_is_masked_can_still_be_read(pools: Pools, ann: UUID) -> None:
    await receive(pools, *events_of(ann), user_erased(ann))
    async with pools("reports").transaction() as connection:
        rows = await connection.execute(
            text("SELECT * FROM journal WHERE user_id = :user_id ORDER BY position"),
            {"user_id": ann},
        )
        events = [journal.TYPES.read(row.type, row.schema_version, row.data) for row in rows]
    assert [type(event).__name__ for event in events] == [
        "FileUploaded",
        "FileChecked",
        "EmailQueued",
        "EmailFailed",
        "EmailSent",
        "UserErased",
    ]


async def test_what_comes_late_is_noted_without_its_texts_and_shown_to_nobody(
    pools: Pools, ann: UUID
) -> None:
    story = events_of(ann)
    await receive(pools, story[0], user_erased(ann), *story[1:])
    assert await rows_with(pools, ann, SECRET) == {}
    async with pools("reports").transaction() as connection:
        for event in story:
            assert await journal.contains(connection, event.event_id)
    found = await tables(pools)
    assert not [row for rows in found.values() for row in rows if row["user_id"] == ann]


async def test_others_keep_everything(pools: Pools, ann: UUID) -> None:
    bob = uuid4()
    await receive(pools, *events_of(bob))
    before, rows = await tables(pools), await rows_with(pools, bob, SECRET)
    await receive(pools, *events_of(ann), user_erased(ann))
    assert await tables(pools) == before
    assert await rows_with(pools, bob, SECRET) == rows


async def test_being_erased_twice_changes_nothing(pools: Pools, ann: UUID) -> None:
    await receive(pools, *events_of(ann), user_erased(ann))
    before = await tables(pools)
    again = user_erased(ann)
    await receive(pools, recorded(again.event, again.stream_id, 3))
    assert await tables(pools) == before


async def test_in_any_order_and_any_number_of_times_only_bob_is_left(pools: Pools) -> None:
    database, loop = pools("reports"), asyncio.get_running_loop()

    def end_of(batches: list[Story]) -> Tables:
        rows = after(database, (*TABLES, JOURNAL, "erased_users"), _once, batches)
        return asyncio.run_coroutine_threadsafe(rows, loop).result(30)

    @settings(max_examples=30, deadline=None)
    @given(histories_with_an_erasure())
    def holds(stories: tuple[list[Story], list[Story]]) -> None:
        of_bob, of_both = map(end_of, stories)
        assert {table: of_both[table] for table in TABLES} == {
            table: of_bob[table] for table in TABLES
        }
        anns = [row for row in of_both[JOURNAL] if row["user_id"] == ANN]
        assert len(anns) == len(_of_ann(stories[1]))
        assert SECRET not in str(anns)
        rest = [row for row in of_both[JOURNAL] if row["user_id"] != ANN]
        assert sorted(map(str, rest)) == sorted(map(str, of_bob[JOURNAL]))

    await asyncio.to_thread(holds)


def _of_ann(batches: list[Story]) -> set[UUID]:
    events = chain.from_iterable(batches)
    return {event.event_id for event in events if event.metadata.user_id == ANN}


async def _once(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    """React to each event once, as the inbox sees to it."""
    first = {event.event_id: event for event in events}
    recorded_before = [event for event in first if await journal.contains(connection, event)]
    await react(
        connection, [event for event in first.values() if event.event_id not in recorded_before]
    )


async def test_an_event_and_the_erasure_at_the_same_moment_leave_nothing(
    pools: Pools, ann: UUID
) -> None:
    stories = [events_of(ann) for _ in range(6)]
    erasing = receive(pools, user_erased(ann))
    await asyncio.gather(
        *(receive(pools, *story) for story in stories[:3]),
        erasing,
        *(receive(pools, *story) for story in stories[3:]),
    )
    assert await rows_with(pools, ann, SECRET) == {}
    found = await tables(pools)
    assert not [row for rows in found.values() for row in rows if row["user_id"] == ann]


async def _rebuild(pools: Pools, history: Any = journal.history) -> None:
    await rebuild(pools("reports_owner"), "reports", PROJECTIONS, history)


async def test_a_rebuild_brings_nothing_back(pools: Pools, ann: UUID) -> None:
    bob = uuid4()
    await receive(pools, *events_of(ann), *events_of(bob), user_erased(ann), *events_of(ann))
    before = await tables(pools)
    await _rebuild(pools)
    assert await tables(pools) == before
    assert {row["user_id"] for row in before["files"]} >= {bob}


@pytest.mark.parametrize("when", ["in the middle", "at the end"])
async def test_who_is_erased_during_a_rebuild_does_not_come_back_with_it(
    pools: Pools, ann: UUID, when: str
) -> None:
    bob = uuid4()
    for projection in PROJECTIONS:
        await receive(pools, *events_of(ann), *events_of(bob))
        erase = _erasing(pools, ann, in_the_middle=when == "in the middle")
        await rebuild(pools("reports_owner"), "reports", [projection], erase)
        found = await tables(pools)
        assert ann not in {row["user_id"] for row in found[projection.name]}
        assert bob in {row["user_id"] for row in found[projection.name]}
        ann = uuid4()


def _erasing(pools: Pools, user_id: UUID, *, in_the_middle: bool) -> History:
    """The history; during its first reading the person is erased."""

    async def history(connection: AsyncConnection, position: int) -> AsyncIterator[Story]:
        waiting = position == 0
        async for page in journal.history(connection, position):
            for event in page:
                yield [event]
                if waiting and in_the_middle and event.metadata.user_id == user_id:
                    await receive(pools, user_erased(user_id))
                    waiting = False
        if waiting:
            await receive(pools, user_erased(user_id))

    return history


async def test_a_rebuild_that_ends_between_the_steps_and_their_transaction_changes_nothing(
    pools: Pools, ann: UUID
) -> None:
    """It inserts rows again that the steps have deleted, before the journal has the erasure."""
    event, files = user_erased(ann), "SELECT count(*) FROM files WHERE user_id = :user_id"
    await receive(pools, *events_of(ann))

    async def history(connection: AsyncConnection, position: int) -> AsyncIterator[Story]:
        async for page in journal.history(connection, position):
            yield list(page)
        if position == 0:
            assert await PREPARE[UserErased](pools("reports"), event)

    await rebuild(pools("reports_owner"), "reports", [FILES], history)
    async with pools("reports").transaction() as connection:
        assert await connection.scalar(text(files), {"user_id": ann}) == 1
    await receive(pools, event)
    assert await rows_with(pools, ann, SECRET) == {}
    assert ann not in {row["user_id"] for row in (await tables(pools))["files"]}


async def test_the_feed_of_an_erased_user_is_empty(pools: Pools, ann: UUID) -> None:
    database, stopping = pools("reports"), asyncio.Event()
    listener = JournalListener(database)
    await receive(pools, *events_of(ann), user_erased(ann), *events_of(ann))

    async def listen() -> list[Any]:
        return [
            message async for message in stream(listener, FeedReader(database), ann, 0, stopping)
        ]

    listening = asyncio.create_task(listen())
    await receive(pools, *events_of(ann))
    await asyncio.sleep(0.2)
    stopping.set()
    assert [message.comment for message in await asyncio.wait_for(listening, 5)] == ["listening"]
    await listener.close()
