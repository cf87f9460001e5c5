"""After the erasure of a user nothing of theirs is left, also not after a rebuild."""

import asyncio
import hashlib
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import stream
from services.files.projections import FILES
from services.files.retention import Retention
from shared.db import Database
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.projection import Projection
from tests.integration.conftest import Pools
from tests.integration.files.harness import (
    ManualClock,
    Person,
    erase_user,
    events_of,
    has_content,
    rebuild_tables,
)
from tests.support.apps import is_problem

NAME = "секрет.py"


async def _tables_with(database: Database, *needles: str) -> set[str]:
    """The tables of the schema with one of the texts in a row; bytes are searched as hex."""
    found = set()
    async with database.transaction() as connection:
        tables = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        )
        for table in tables.scalars().all():
            for needle in needles:
                query = f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, :needle) > 0"
                for form in (needle, needle.encode().hex(), ascii(needle)[1:-1]):
                    if await connection.scalar(text(query), {"needle": form}):
                        found.add(table)
    return found


async def _save_files(
    who: Person, clock: ManualClock, retention: Retention, mark: str
) -> list[str]:
    """Files in every state, with a mark in their names and contents."""
    answers = [
        (await who.upload(f"{mark}{number}.py", f"# {mark}{number}\n".encode(), **key)).json()
        for number in range(4)
        for key in [{"Idempotency_Key": f"key-{number}"}]
    ]
    unchanged, replaced, deleted, erased = (str(saved["file_id"]) for saved in answers)
    await who.replace(replaced, f"# {mark} again\n".encode(), f"{mark} again.py")
    await who.delete(erased)
    clock.advance(days=31)
    await retention.step()
    await who.upload(f"{mark}5.py", f"# {mark}5\n".encode(), Idempotency_Key="key-5")
    await who.delete(deleted)
    return [unchanged, replaced, deleted, erased]


async def test_neither_name_nor_content_is_left(
    ann: Person, bob: Person, pools: Pools, clock: ManualClock, retention: Retention
) -> None:
    database = pools("files")
    mark, other = f"mark{uuid4().hex}", f"mark{uuid4().hex}"
    of_bob = await _save_files(bob, clock, retention, other)
    ids = await _save_files(ann, clock, retention, mark)
    both = f"# {uuid4()}\n".encode()
    await ann.new("both.py", both)
    shared = await bob.new("both.py", both)
    assert await _tables_with(database, mark) >= {"events", "files", "contents", "idempotency_keys"}
    await erase_user(database, ann.user_id)
    assert await _tables_with(database, mark) == set()
    assert await _tables_with(database, str(ann.user_id)) == {"events", "erased_users", "maskings"}
    assert (await bob.get(shared, "/content")).content == both
    assert (await bob.get(of_bob[0], "/content")).content == f"# {other}0\n".encode()
    assert (await bob.limits())["files"]["used"] == 4
    for file_id in ids:
        assert is_problem(await ann.get(file_id), 404, "not_found")
        assert is_problem(await ann.get(file_id, "/content"), 404, "not_found")
    assert (await ann.limits())["files"]["used"] == 0


async def test_whoever_is_erased_can_do_nothing_more(ann: Person, pools: Pools) -> None:
    file_id = await ann.new("a.py", b"one")
    await ann.upload("b.py", b"two", Idempotency_Key="key")
    await erase_user(pools("files"), ann.user_id)
    for answer in (
        await ann.upload("c.py"),
        await ann.upload("b.py", b"two", Idempotency_Key="key"),
        await ann.replace(file_id, b"two"),
        await ann.delete(file_id),
        await ann.restore(file_id),
    ):
        assert is_problem(answer, 401, "unauthenticated")
    assert await _tables_with(pools("files"), "c.py") == set()


async def test_the_event_may_come_twice_and_before_any_other(
    ann: Person, bob: Person, pools: Pools
) -> None:
    await erase_user(pools("files"), ann.user_id)
    assert is_problem(await ann.upload(NAME), 401, "unauthenticated")
    file_id = await bob.new(NAME, b"one")
    for _ in range(3):
        await erase_user(pools("files"), bob.user_id)
    assert await _tables_with(pools("files"), NAME) == set()
    [uploaded] = await events_of(pools("files"), file_id)
    assert uploaded.event.model_dump()["name"] == ""


async def test_an_upload_under_way_is_refused_or_erased(ann: Person, pools: Pools) -> None:
    for _ in range(3):
        contents = [f"# {uuid4()}\n".encode() for _ in range(10)]
        uploads = [ann.upload(f"{uuid4()}.py", content) for content in contents]
        answers = await asyncio.gather(*uploads, erase_user(pools("files"), ann.user_id))
        assert {answer.status_code for answer in answers if answer} <= {201, 401}
        for content in contents:
            assert not await has_content(pools("files"), content)
        async with pools("files").transaction() as connection:
            count = "SELECT count(*) FROM files WHERE user_id = :user_id"
            assert await connection.scalar(text(count), {"user_id": ann.user_id}) == 0


async def test_a_rebuild_brings_nobody_back(
    ann: Person, bob: Person, pools: Pools, clock: ManualClock, retention: Retention
) -> None:
    """Masked names are equal, which the unique index of names would not allow."""
    mark = f"mark{uuid4().hex}"
    await _save_files(ann, clock, retention, mark)
    kept = await bob.new()
    await erase_user(pools("files"), ann.user_id)
    for _ in range(2):
        await rebuild_tables(pools)
        assert await _tables_with(pools("files"), mark) == set()
        assert "files" not in await _tables_with(pools("files"), str(ann.user_id))
        assert (await bob.get(kept)).status_code == 200


async def test_nor_does_a_rebuild_that_is_under_way_meanwhile(ann: Person, pools: Pools) -> None:
    """It has read the names before they are masked, and has put them into its own tables."""
    database, name = pools("files"), f"{uuid4()}.py"
    file_id = await ann.new(name)
    erased = False

    async def erase_then_go_on(
        connection: AsyncConnection, events: Sequence[RecordedEvent]
    ) -> None:
        nonlocal erased
        await FILES.apply(connection, events)
        if not erased and stream(UUID(file_id)) in {event.stream_id for event in events}:
            erased = True
            await erase_user(database, ann.user_id)

    slow = Projection("files", FILES.tables, dict.fromkeys(FILES.handlers, erase_then_go_on))
    await rebuild_tables(pools, slow)
    assert erased
    assert await _tables_with(database, name) == set()
    assert "files" not in await _tables_with(database, str(ann.user_id))


async def test_the_hash_of_what_is_gone_is_not_enough_to_get_it(
    ann: Person, bob: Person, pools: Pools
) -> None:
    content = f"# {uuid4()}\n".encode()
    await ann.new(content=content)
    await erase_user(pools("files"), ann.user_id)
    assert not await has_content(pools("files"), content)
    saved = (await bob.upload(content=content)).json()
    assert saved["sha256"] == hashlib.sha256(content).hexdigest()
    assert (await bob.get(saved["file_id"], "/content")).content == content
