"""Whatever order events come in, and however often, people read the same."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from hypothesis import given, settings
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports.projections import PROJECTIONS
from shared.eventsourcing.event import RecordedEvent
from tests.integration.conftest import Pools
from tests.integration.reports.strategies import reordered_histories
from tests.support.events import (
    NOON,
    checked,
    deleted,
    mail_failed,
    queued,
    recorded,
    replaced,
    sent,
    uploaded,
)
from tests.support.histories import Story, event_by_event
from tests.support.readmodels import after

TABLES = ("files", "checks", "mails")


async def project(connection: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
    for projection in PROJECTIONS:
        await projection.apply(connection, events)


async def test_any_order_and_repetition_in_any_batches_end_in_the_same_rows(
    pools: Pools,
) -> None:
    database, loop = pools("reports"), asyncio.get_running_loop()

    @settings(max_examples=50, deadline=None)
    @given(reordered_histories())
    def holds(stories: tuple[list[Story], list[Story]]) -> None:
        once, again = (
            asyncio.run_coroutine_threadsafe(after(database, TABLES, project, story), loop).result(
                30
            )
            for story in stories
        )
        assert again == once

    await asyncio.to_thread(holds)


async def test_every_event_played_twice_changes_nothing(pools: Pools) -> None:
    file_id, mail_id = uuid4(), uuid4()
    check = checked(file_id, 2)
    story = [
        recorded(uploaded(file_id), f"file-{file_id}", 1),
        recorded(replaced(file_id, 2), f"file-{file_id}", 2),
        recorded(check, f"checks-{file_id}", 1),
        recorded(queued(mail_id, check.check_id), f"mail-{mail_id}", 1),
        recorded(mail_failed(mail_id, check.check_id), f"mail-{mail_id}", 2),
        recorded(sent(mail_id, check.check_id, 2), f"mail-{mail_id}", 3),
        recorded(deleted(file_id, 2), f"file-{file_id}", 3),
    ]
    once = await after(pools("reports"), TABLES, project, event_by_event(story))
    twice = [event for event in story for _ in range(2)]
    for batches in (event_by_event(twice), [twice], [story, story]):
        assert await after(pools("reports"), TABLES, project, batches) == once
    assert [(row["version"], row["deleted"]) for row in once["files"]] == [(2, True)]
    assert [(row["state"], row["attempts"]) for row in once["mails"]] == [("sent", 2)]


async def test_what_comes_before_its_file_waits_for_it(pools: Pools) -> None:
    file_id = uuid4()
    early = [
        recorded(checked(file_id, 1), f"checks-{file_id}", 1),
        recorded(deleted(file_id, 1), f"file-{file_id}", 2),
    ]
    [row] = (await after(pools("reports"), TABLES, project, [early]))["files"]
    assert (row["name"], row["version"], row["deleted"]) == (None, 0, True)
    whole = [*early, recorded(uploaded(file_id), f"file-{file_id}", 1)]
    [row] = (await after(pools("reports"), TABLES, project, [whole]))["files"]
    assert (row["name"], row["deleted"]) == ("main.py", True)


async def test_the_newest_check_of_the_last_version_decides_whichever_comes_last(
    pools: Pools,
) -> None:
    file_id = uuid4()
    ready = checked(file_id, 2).model_copy(update={"verdict": "ready"})
    saves = [
        recorded(uploaded(file_id), f"file-{file_id}", 1),
        recorded(replaced(file_id, 2), f"file-{file_id}", 2),
    ]
    results = [
        recorded(checked(file_id, 1), f"checks-{file_id}", 1, at=NOON),
        recorded(checked(file_id, 2), f"checks-{file_id}", 2, at=NOON),
        recorded(ready, f"checks-{file_id}", 3, at=NOON + timedelta(minutes=1)),
    ]
    for ordered in (results, results[::-1]):
        [row] = (await after(pools("reports"), TABLES, project, [[*ordered, *saves]]))["files"]
        assert (row["check_id"], row["state"]) == (ready.check_id, "ready")
    [row] = (await after(pools("reports"), TABLES, project, [[*saves, results[0]]]))["files"]
    assert row["state"] == "waiting"
