"""Contents that no version refers to are deleted."""

from contextlib import AsyncExitStack
from uuid import uuid4

from sqlalchemy import text

from services.files.retention import Retention
from services.files.storage import contents
from services.files.storage.rebuild import queue_unwanted_contents
from services.files.storage.sweep import ContentSweep
from shared.db import Database
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    ManualClock,
    Person,
    has_content,
    new_content,
    queue_unwanted,
    sha256,
)

_MANY_CONTENTS = """
INSERT INTO contents
SELECT encode(sha256(made), 'hex'), made
FROM (SELECT gen_random_uuid()::text::bytea AS made FROM generate_series(1, 5000)) AS many
"""


async def test_contents_that_an_upload_protected_are_deleted_after_it_failed(
    ann: Person, retention: Retention, clock: ManualClock, pools: Pools
) -> None:
    """The upload of stored bytes saves nothing, and protected them when they were to be deleted."""
    database, content = pools("files"), new_content()
    await ann.delete(await ann.new("a.py", content))
    clock.advance(days=31)
    async with AsyncExitStack() as stack:
        uploading = await stack.enter_async_context(database.transaction())
        await contents.store(uploading, sha256(content), content)
        await retention.step()
    assert await has_content(database, content)
    await retention.step()
    assert not await has_content(database, content)
    assert await _queued(database) == 0


async def test_a_sweep_reads_nothing_but_what_it_deletes(pools: Pools) -> None:
    database, content = pools("files"), new_content()
    async with database.transaction() as connection:
        await connection.execute(text(_MANY_CONTENTS))
    await queue_unwanted(database, content)
    async with pools("files_owner").transaction() as connection:
        await connection.execute(text("ANALYZE contents, file_versions, unwanted_contents"))
    before = await _contents_read(pools)
    sweep = ContentSweep(database)
    assert await sweep.step() == 1
    assert await _contents_read(pools) - before <= 10
    assert await sweep.step() == 0
    assert not sweep.has_more


async def _contents_read(pools: Pools) -> int:
    async with pools("files_owner").transaction() as connection:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'contents'"
    async with pools("files_owner").transaction() as connection:
        return int(await connection.scalar(text(read)) or 0)


async def _queued(database: Database) -> int:
    async with database.transaction() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM unwanted_contents")) or 0)


async def test_contents_without_a_version_are_swept(pools: Pools, retention: Retention) -> None:
    content = new_content()
    await queue_unwanted(pools("files"), content)
    await retention.step()
    assert not await has_content(pools("files"), content)


async def test_contents_that_a_rebuild_left_without_a_version_are_swept(
    ann: Person, retention: Retention, pools: Pools
) -> None:
    """A rebuild may skip events that can't be read, and so the versions they saved."""
    lost, kept = new_content(), new_content()
    await ann.new(f"{uuid4()}.py", kept)
    async with pools("files").transaction() as connection:
        await contents.store(connection, sha256(lost), lost)
    await retention.step()
    assert await has_content(pools("files"), lost)
    async with pools("files_owner").transaction() as connection:
        await queue_unwanted_contents(connection)
    while await retention.step():
        pass
    assert not await has_content(pools("files"), lost)
    assert await has_content(pools("files"), kept)


async def test_all_contents_are_swept_batch_by_batch(pools: Pools) -> None:
    unwanted = [new_content() for _ in range(5)]
    for content in unwanted:
        await queue_unwanted(pools("files"), content)
    sweep = ContentSweep(pools("files"), batch=2)
    assert [(await sweep.step(), sweep.has_more) for _ in range(3)] == [
        (2, True),
        (2, True),
        (1, False),
    ]
    assert not [content for content in unwanted if await has_content(pools("files"), content)]
