"""Deleted files can be restored for a time; then their bytes go and their log stays."""

import hashlib
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.files import contents
from services.files import retention as of_retention
from services.files.after_rebuild import note_unwanted
from services.files.commands import upload_file
from services.files.projections import FILES
from services.files.projections import history as events
from services.files.retention import BATCH, Retention
from shared.db import Database
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.rebuild import rebuild
from tests.integration.conftest import Pools
from tests.integration.files.acts import STORE, Hands, Person, has_content, told
from tests.support.apps import is_problem
from tests.support.readmodels import rows_of


def _bytes() -> bytes:
    return f"# {uuid4()}\n".encode()


@pytest.fixture
def retention(app: FastAPI) -> Retention:
    found: Retention = app.state.provided[Retention]
    return found


async def test_after_thirty_days_the_bytes_are_gone_and_the_log_stays(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    one, two, name = _bytes(), _bytes(), f"{uuid4()}.py"
    file_id = await ann.new(name, one)
    await ann.replace(file_id, two, name)
    await ann.delete(file_id)
    clock.go(days=29, hours=23)
    await retention.step()
    assert await told(pools("files"), file_id) == ["FileUploaded", "FileReplaced", "FileDeleted"]
    assert (await ann.get(file_id, "/content", version=1)).content == one
    clock.go(hours=2)
    await retention.step()
    await retention.step()
    assert (await told(pools("files"), file_id))[3:] == ["FileErased"]
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


async def test_bytes_that_somebody_still_has_stay(
    ann: Person, bob: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    of_bob, of_ann_too, old_version = _bytes(), _bytes(), _bytes()
    shared = [of_bob, of_ann_too, old_version]
    gone = [await ann.new(f"gone{n}.py", content) for n, content in enumerate(shared)]
    theirs = await bob.new("theirs.py", of_bob)
    mine = await ann.new("mine.py", of_ann_too)
    changed = await ann.new("changed.py", old_version)
    await ann.replace(changed, b"now", "changed.py")
    for file_id in gone:
        await ann.delete(file_id)
    clock.go(days=31)
    await retention.step()
    assert (await bob.get(theirs, "/content")).content == of_bob
    assert (await ann.get(mine, "/content")).content == of_ann_too
    assert (await ann.get(changed, "/content", version=1)).content == old_version
    for file_id in gone:
        assert is_problem(await ann.get(file_id, "/content"), 410, "content_erased")
    used = len(of_ann_too) + len(old_version) + len(b"now")
    assert (await ann.limits())["bytes"]["used"] == used


async def test_who_restores_in_time_begins_anew(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    file_id = await ann.new()
    await ann.delete(file_id)
    await ann.restore(file_id)
    clock.go(days=31)
    await retention.step()
    assert (await ann.get(file_id, "/content")).status_code == 200
    assert "FileErased" not in await told(pools("files"), file_id)


async def test_there_is_no_end_to_a_batch(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    clock.go(days=31)
    await retention.step()
    ids = [await ann.new(f"{number}.py") for number in range(BATCH + 1)]
    for file_id in ids:
        await ann.delete(file_id)
    assert [await retention.step(), await retention.step()] == [True, False]
    for file_id in ids:
        assert (await told(pools("files"), file_id))[-1] == "FileErased"


async def test_a_rebuild_finds_the_same(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    erased, restored = await ann.new("erased.py"), await ann.new("restored.py", _bytes())
    await ann.delete(erased)
    await ann.delete(restored)
    await ann.restore(restored)
    clock.go(days=31)
    await retention.step()
    await ann.delete(await ann.new("deleted.py", _bytes()))
    before = await _tables(pools("files"))
    assert {(row["deleted"], row["erased"]) for row in before["files"]} == {
        (True, True),
        (False, False),
        (True, False),
    }
    for _ in range(2):
        await rebuild(pools("files_owner"), "files", [FILES], events)
        assert await _tables(pools("files")) == before


async def test_bytes_that_somebody_is_about_to_save_are_not_taken_away(pools: Pools) -> None:
    """An upload holds known bytes and waits for the lock under which they are being dropped."""
    database, content = pools("files"), _bytes()
    async with AsyncExitStack() as stack:
        await _orphan(database, content)
        uploading = await stack.enter_async_context(database.transaction())
        await contents.keep(uploading, _sha(content), content)
        async with database.transaction() as dropping:
            await take_append_lock(dropping)
            assert await contents.drop_unwanted(dropping, [_sha(content)]) == 0
        await upload_file(uploading, STORE, uuid4(), "main.py", content)
    assert await has_content(database, content)
    assert (await contents.sweep(database))[0] == 0


async def test_what_somebody_held_is_taken_away_once_they_let_go(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    """The upload that holds known bytes comes to nothing after those were to go."""
    database, content = pools("files"), _bytes()
    await ann.delete(await ann.new("a.py", content))
    clock.go(days=31)
    async with AsyncExitStack() as stack:
        uploading = await stack.enter_async_context(database.transaction())
        await contents.keep(uploading, _sha(content), content)
        await retention.step()
    assert await has_content(database, content)
    await retention.step()
    assert not await has_content(database, content)
    assert await _noted(database) == 0


async def test_an_erasure_that_is_cut_short_leaves_its_contents_to_the_next_step(
    ann: Person,
    retention: Retention,
    clock: Hands,
    pools: Pools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = _bytes()
    await ann.delete(await ann.new("a.py", content))
    clock.go(days=31)
    with monkeypatch.context() as patched:
        patched.setattr(contents, "sweep", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await retention.step()
    assert await has_content(pools("files"), content)
    await retention.step()
    assert not await has_content(pools("files"), content)


async def test_a_sweep_looks_at_nothing_but_what_it_deletes(pools: Pools) -> None:
    database, content = pools("files"), _bytes()
    async with database.transaction() as connection:
        await connection.execute(text(_MANY_CONTENTS))
    await _orphan(database, content)
    async with pools("files_owner").transaction() as connection:
        await connection.execute(text("ANALYZE contents, file_versions, unwanted_contents"))
    before = await _contents_read(pools)
    assert (await contents.sweep(database))[0] == 1
    assert await _contents_read(pools) - before <= 10
    assert (await contents.sweep(database)) == (0, "")


_MANY_CONTENTS = """
INSERT INTO contents
SELECT encode(sha256(made), 'hex'), made
FROM (SELECT gen_random_uuid()::text::bytea AS made FROM generate_series(1, 5000)) AS many
"""


async def _contents_read(pools: Pools) -> int:
    async with pools("files_owner").transaction() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'contents'"
    async with pools("files_owner").transaction() as connection:
        return int(await connection.scalar(text(read)) or 0)


async def _noted(database: Database) -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM unwanted_contents")) or 0)


async def test_bytes_that_were_just_taken_away_are_brought_again(pools: Pools) -> None:
    database, content = pools("files"), _bytes()
    await _orphan(database, content)
    async with AsyncExitStack() as stack:
        dropping = await stack.enter_async_context(database.transaction())
        await take_append_lock(dropping)
        assert await contents.drop_unwanted(dropping, [_sha(content)]) == 1
        async with database.transaction() as connection:
            held = "SELECT count(*) FROM contents WHERE sha256 = :sha256"
            assert await connection.scalar(text(held), {"sha256": _sha(content)}) == 1
    async with database.transaction() as connection:
        await upload_file(connection, STORE, uuid4(), "main.py", content)
    assert await has_content(database, content)


async def test_what_nobody_has_is_swept(pools: Pools, retention: Retention) -> None:
    content = _bytes()
    await _orphan(pools("files"), content)
    await retention.step()
    assert not await has_content(pools("files"), content)


async def test_what_a_rebuild_left_without_a_version_is_swept(
    ann: Person, retention: Retention, pools: Pools
) -> None:
    """A version whose event could not be read is left out, and its contents have none any more."""
    lost, kept = _bytes(), _bytes()
    await ann.new(f"{uuid4()}.py", kept)
    async with pools("files").transaction() as connection:
        await contents.keep(connection, _sha(lost), lost)
    await retention.step()
    assert await has_content(pools("files"), lost)
    async with pools("files_owner").transaction() as connection:
        await note_unwanted(connection)
    while await retention.step():
        pass
    assert not await has_content(pools("files"), lost)
    assert await has_content(pools("files"), kept)


async def test_buckets_that_are_full_are_forgotten(
    ann: Person, retention: Retention, clock: Hands, pools: Pools
) -> None:
    await ann.new()
    for minutes, left in ((0, 1), (1, 0)):
        clock.now += timedelta(minutes=minutes)
        await retention.step()
        async with pools("files").transaction() as connection:
            rows = await rows_of(connection, ["upload_buckets"])
        assert len([r for r in rows["upload_buckets"] if r["user_id"] == ann.user_id]) == left


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _orphan(database: Database, content: bytes) -> None:
    async with database.transaction() as connection:
        await contents.keep(connection, _sha(content), content)
        note = "INSERT INTO unwanted_contents VALUES (:sha256) ON CONFLICT DO NOTHING"
        await connection.execute(text(note), {"sha256": _sha(content)})


async def _tables(database: Database) -> dict[str, list[dict[str, object]]]:
    async with database.transaction() as connection:
        return await rows_of(connection, FILES.tables)


async def test_files_with_many_versions_are_erased_a_few_at_a_time(
    ann: Person, retention: Retention, clock: Hands, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction erases files until they have so many versions, and one file at least."""
    monkeypatch.setattr(of_retention, "VERSIONS", 3)
    ids = [await ann.new(f"{number}.py", _bytes()) for number in range(3)]
    for file_id in ids:
        for _ in range(2):
            assert (await ann.replace(file_id, _bytes(), f"{uuid4()}.py")).status_code == 200
        await ann.delete(file_id)
    clock.go(days=31)
    steps = [await retention.step() for _ in ids]
    assert steps == [True, True, False]
    for file_id in ids:
        assert (await told(pools("files"), file_id))[-1] == "FileErased"


async def test_all_contents_are_swept_slice_by_slice(
    pools: Pools, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "DROPPED_AT_ONCE", 2)
    orphans = [_bytes() for _ in range(5)]
    for content in orphans:
        await _orphan(pools("files"), content)
    while await retention.step():
        pass
    assert not [content for content in orphans if await has_content(pools("files"), content)]
