"""Whatever order events come in, the checker knows which version is due."""

import asyncio
from uuid import uuid4

from hypothesis import HealthCheck, given, settings

from services.checker.reactions import REACTIONS, react
from tests.integration.conftest import Pools
from tests.support.events import deleted, recorded, replaced, uploaded
from tests.support.histories import Story, retold
from tests.support.readmodels import after

TABLES = ("files", "versions")


def _of_files(story: Story) -> Story:
    return [event for event in story if type(event.event) in REACTIONS]


async def test_any_order_with_any_repetition_ends_in_the_same_rows(pools: Pools) -> None:
    database, loop = pools("checker"), asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(retold())
    def holds(stories: tuple[Story, Story]) -> None:
        told, again = (
            asyncio.run_coroutine_threadsafe(
                after(database, TABLES, react, _of_files(story)), loop
            ).result(30)
            for story in stories
        )
        assert again == told

    await asyncio.to_thread(holds)


async def test_every_version_is_due_and_none_of_a_deleted_file(pools: Pools) -> None:
    living, gone = uuid4(), uuid4()
    story = [
        recorded(replaced(living, 2), f"file-{living}", 2),
        recorded(uploaded(living), f"file-{living}", 1),
        recorded(deleted(gone, 1), f"file-{gone}", 2),
        recorded(uploaded(gone), f"file-{gone}", 1),
    ]
    rows = await after(pools("checker"), TABLES, react, story)
    assert {(row["file_id"], row["deleted"]) for row in rows["files"]} == {
        (living, False),
        (gone, True),
    }
    assert {(row["file_id"], row["version"]) for row in rows["versions"]} == {
        (living, 1),
        (living, 2),
        (gone, 1),
    }
