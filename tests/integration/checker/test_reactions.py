"""Due versions do not depend on the order of events."""

import asyncio
from uuid import uuid4

from hypothesis import given, settings

from services.checker.reactions import FileEvent, react
from shared.contracts.auth import UserErased
from tests.integration.conftest import Pools
from tests.support.events import ANN, BOB, deleted, recorded, replaced, uploaded
from tests.support.histories import Story, retold
from tests.support.readmodels import after

TABLES = ("files", "versions")


def _consumed(batches: list[Story]) -> list[Story]:
    chosen = ([one for one in batch if isinstance(one.event, FileEvent)] for batch in batches)
    return [batch for batch in chosen if batch]


async def test_any_order_and_repetition_in_any_batches_end_in_the_same_rows(
    pools: Pools,
) -> None:
    database, loop = pools("checker"), asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None)
    @given(retold())
    def holds(stories: tuple[list[Story], list[Story]]) -> None:
        told, again = (
            asyncio.run_coroutine_threadsafe(
                after(database, TABLES, react, _consumed(story)), loop
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
    rows = await after(pools("checker"), TABLES, react, [story])
    assert {(row["file_id"], row["deleted"]) for row in rows["files"]} == {
        (living, False),
        (gone, True),
    }
    assert {(row["file_id"], row["version"]) for row in rows["versions"]} == {
        (living, 1),
        (living, 2),
        (gone, 1),
    }


async def test_an_erasure_anywhere_in_a_set_leaves_nothing_of_the_user(
    pools: Pools,
) -> None:
    mine, others = uuid4(), uuid4()
    life = [
        recorded(uploaded(mine, ANN), f"file-{mine}", 1),
        recorded(uploaded(others, BOB), f"file-{others}", 1),
        recorded(replaced(mine, 2, ANN), f"file-{mine}", 2),
    ]
    end = recorded(UserErased(user_id=ANN), f"user-{ANN}", 2)
    for place in range(4):
        story = [*life[:place], end, *life[place:]]
        rows = await after(pools("checker"), TABLES, react, [story])
        assert [row["file_id"] for row in rows["files"]] == [others]
        assert [row["file_id"] for row in rows["versions"]] == [others]
