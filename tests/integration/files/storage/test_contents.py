"""Uploads and deletions of the same bytes at the same time."""

from contextlib import AsyncExitStack
from uuid import uuid4

from sqlalchemy import text

from services.files.commands.files import upload_file
from services.files.storage import contents
from services.files.storage.sweep import ContentSweep
from shared.eventsourcing.append_lock import take_append_lock
from tests.integration.conftest import Pools
from tests.integration.files.harness import STORE, has_content, new_content, queue_unwanted, sha256


async def test_contents_that_an_upload_is_about_to_save_are_not_deleted(pools: Pools) -> None:
    """An upload of stored bytes waits for the append lock while a sweep deletes contents."""
    database, content = pools("files"), new_content()
    async with AsyncExitStack() as stack:
        await queue_unwanted(database, content)
        uploading = await stack.enter_async_context(database.transaction())
        await contents.store(uploading, sha256(content), content)
        async with database.transaction() as dropping:
            await take_append_lock(dropping)
            assert await contents.delete_unwanted(dropping, [sha256(content)]) == 0
        await upload_file(uploading, STORE, uuid4(), "main.py", content)
    assert await has_content(database, content)
    assert await ContentSweep(database).step() == 0


async def test_contents_that_are_being_deleted_are_stored_again_by_an_upload(pools: Pools) -> None:
    database, content = pools("files"), new_content()
    await queue_unwanted(database, content)
    async with AsyncExitStack() as stack:
        dropping = await stack.enter_async_context(database.transaction())
        await take_append_lock(dropping)
        assert await contents.delete_unwanted(dropping, [sha256(content)]) == 1
        async with database.transaction() as connection:
            held = "SELECT count(*) FROM contents WHERE sha256 = :sha256"
            assert await connection.scalar(text(held), {"sha256": sha256(content)}) == 1
    async with database.transaction() as connection:
        await upload_file(connection, STORE, uuid4(), "main.py", content)
    assert await has_content(database, content)
