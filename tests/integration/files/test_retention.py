"""Deleted files can be restored for a time; then their contents are erased, their log stays."""

from datetime import timedelta
from uuid import uuid4

import pytest

from services.files.retention import BATCH, Retention
from services.files.storage.sweep import ContentSweep
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    STORE,
    ManualClock,
    Person,
    event_names,
    has_content,
    new_content,
    read_tables,
    rebuild_tables,
)
from tests.support.apps import is_problem
from tests.support.readmodels import rows_of


async def test_after_thirty_days_the_contents_are_erased_and_the_log_stays(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    one, two, name = new_content(), new_content(), f"{uuid4()}.py"
    file_id = await ann.new(name, one)
    await ann.replace(file_id, two, name)
    await ann.delete(file_id)
    clock.advance(days=29, hours=23)
    await retention.step()
    assert await event_names(pools("files"), file_id) == [
        "FileUploaded",
        "FileReplaced",
        "FileDeleted",
    ]
    assert (await ann.get(file_id, "/content", version=1)).content == one
    clock.advance(hours=2)
    await retention.step()
    await retention.step()
    assert (await event_names(pools("files"), file_id))[3:] == ["FileErased"]
    for content in (one, two):
        assert not await has_content(pools("files"), content)
    for answer in (
        await ann.get(file_id, "/content"),
        await ann.get(file_id, "/content", version=1),
        await ann.get(file_id, "/diff", from_=1, to=2),
        await ann.restore(file_id),
    ):
        assert is_problem(answer, 410, "content_erased")
    about = (await ann.get(file_id)).json()
    assert (about["mark"], about["erased"], about["name"]) == ("deleted", True, name)
    versions = (await ann.get(file_id, "/versions")).json()["versions"]
    assert [(v["version"], v["available"], v["lines_added"]) for v in versions] == [
        (2, False, None),
        (1, False, None),
    ]
    assert (await ann.limits())["bytes"]["used"] == 0
    assert is_problem(await ann.delete(file_id), 404, "file_is_deleted")
    assert is_problem(await ann.replace(file_id, one, name), 404, "file_is_deleted")
    assert await ann.new(name, one) != file_id


async def test_contents_that_another_version_refers_to_stay(
    ann: Person, bob: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    of_bob, of_ann_too, old_version = new_content(), new_content(), new_content()
    shared = [of_bob, of_ann_too, old_version]
    gone = [await ann.new(f"gone{n}.py", content) for n, content in enumerate(shared)]
    theirs = await bob.new("theirs.py", of_bob)
    mine = await ann.new("mine.py", of_ann_too)
    changed = await ann.new("changed.py", old_version)
    await ann.replace(changed, b"now", "changed.py")
    for file_id in gone:
        await ann.delete(file_id)
    clock.advance(days=31)
    await retention.step()
    assert (await bob.get(theirs, "/content")).content == of_bob
    assert (await ann.get(mine, "/content")).content == of_ann_too
    assert (await ann.get(changed, "/content", version=1)).content == old_version
    for file_id in gone:
        assert is_problem(await ann.get(file_id, "/content"), 410, "content_erased")
    used = len(of_ann_too) + len(old_version) + len(b"now")
    assert (await ann.limits())["bytes"]["used"] == used


async def test_a_restored_file_is_not_erased(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    file_id = await ann.new()
    await ann.delete(file_id)
    await ann.restore(file_id)
    clock.advance(days=31)
    await retention.step()
    assert (await ann.get(file_id, "/content")).status_code == 200
    assert "FileErased" not in await event_names(pools("files"), file_id)


async def test_a_full_batch_is_followed_by_another(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    clock.advance(days=31)
    await retention.step()
    ids = [await ann.new(f"{number}.py") for number in range(BATCH + 1)]
    for file_id in ids:
        await ann.delete(file_id)
    assert [await retention.step(), await retention.step()] == [True, False]
    for file_id in ids:
        assert (await event_names(pools("files"), file_id))[-1] == "FileErased"


async def test_a_rebuild_finds_the_same(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    erased, restored = await ann.new("erased.py"), await ann.new("restored.py", new_content())
    await ann.delete(erased)
    await ann.delete(restored)
    await ann.restore(restored)
    clock.advance(days=31)
    await retention.step()
    await ann.delete(await ann.new("deleted.py", new_content()))
    before = await read_tables(pools("files"))
    assert {(row["deleted"], row["erased"]) for row in before["files"]} == {
        (True, True),
        (False, False),
        (True, False),
    }
    for _ in range(2):
        await rebuild_tables(pools)
        assert await read_tables(pools("files")) == before


class BrokenSweep(ContentSweep):
    async def step(self) -> int:
        raise ZeroDivisionError


async def test_an_erasure_that_is_cut_short_leaves_its_contents_to_the_next_step(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    database, content = pools("files"), new_content()
    broken = Retention(
        database, STORE, BrokenSweep(database), keep_for=timedelta(days=30), clock=clock
    )
    await ann.delete(await ann.new("a.py", content))
    clock.advance(days=31)
    with pytest.raises(ZeroDivisionError):
        await broken.step()
    assert await has_content(pools("files"), content)
    await retention.step()
    assert not await has_content(pools("files"), content)


async def test_full_token_buckets_are_deleted(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    await ann.new()
    for minutes, left in ((0, 1), (1, 0)):
        clock.advance(minutes=minutes)
        await retention.step()
        async with pools("files").transaction() as connection:
            rows = await rows_of(connection, ["upload_buckets"])
        assert len([r for r in rows["upload_buckets"] if r["user_id"] == ann.user_id]) == left


async def test_files_with_many_versions_are_erased_a_few_at_a_time(
    ann: Person, clock: ManualClock, pools: Pools
) -> None:
    database = pools("files")
    retention = Retention(
        database,
        STORE,
        ContentSweep(database),
        keep_for=timedelta(days=30),
        clock=clock,
        max_versions=3,
    )
    ids = [await ann.new(f"{number}.py", new_content()) for number in range(3)]
    for file_id in ids:
        for _ in range(2):
            assert (await ann.replace(file_id, new_content(), f"{uuid4()}.py")).status_code == 200
        await ann.delete(file_id)
    clock.advance(days=31)
    steps = [await retention.step() for _ in ids]
    assert steps == [True, True, False]
    for file_id in ids:
        assert (await event_names(pools("files"), file_id))[-1] == "FileErased"
