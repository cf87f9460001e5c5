"""Read tables are built anew while people read and write, and nobody notices."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import projections as of_files
from services.files.commands import files as commands
from services.files.domain.file import EVENTS, FileNameTaken
from services.files.projections import FILES, PROJECTIONS, history
from services.rebuild import main
from services.reports import projections as of_reports
from services.reports.reactions import react
from shared.db import Database
from shared.eventsourcing.event import EventTypes, RecordedEvent
from shared.eventsourcing.projection import Projection
from shared.eventsourcing.rebuild.rebuilder import rebuild
from shared.eventsourcing.store import EventStore
from tests.integration.conftest import Pools
from tests.support.databases import PrivateDatabase
from tests.support.events import ANN, checked, queued, recorded, replaced, sent, uploaded

STORE = EventStore(EventTypes(EVENTS), PROJECTIONS)
FILE_COUNT = 30
Rows = dict[str, list[dict[str, object]]]


async def _rows(database: Database, *tables: str) -> Rows:
    found: Rows = {}
    async with database.transaction() as connection:
        for table in tables:
            rows = await connection.execute(text(f"SELECT * FROM {table} AS t ORDER BY t::text"))
            found[table] = [dict(row) for row in rows.mappings()]
    return found


async def _upload(database: Database, name: str, user_id: UUID = ANN) -> UUID:
    async with database.transaction() as connection:
        saved = await commands.upload_file(connection, STORE, user_id, name, name.encode())
    return saved.file_id


async def _replace(database: Database, file_id: UUID, name: str, content: bytes) -> None:
    async with database.transaction() as connection:
        await commands.replace_content(connection, STORE, ANN, file_id, name, content)


async def test_a_rebuilt_projection_is_the_one_that_was_there(pools: Pools) -> None:
    database = pools("files")
    ids = [await _upload(database, f"a{number}.py") for number in range(5)]
    await _replace(database, ids[0], "a0.py", b"other")
    async with database.transaction() as connection:
        await commands.delete_file(connection, STORE, ANN, ids[1])
    before = await _rows(database, *FILES.tables)
    assert await rebuild(pools("files_owner"), "files", [FILES], history) >= 7
    assert await _rows(database, *FILES.tables) == before
    assert await rebuild(pools("files_owner"), "files", [FILES], history) >= 7
    assert await _rows(database, *FILES.tables) == before


async def test_a_damaged_projection_is_healed(pools: Pools) -> None:
    database, owner = pools("files"), pools("files_owner")
    file_id = await _upload(database, "healed.py")
    before = await _rows(database, *FILES.tables)
    async with owner.transaction() as connection:
        await connection.execute(text("DELETE FROM file_versions"))
        await connection.execute(text("UPDATE files SET name = 'x' || file_id, version = 99"))
    await rebuild(owner, "files", [FILES], history)
    assert await _rows(database, *FILES.tables) == before
    await _replace(database, file_id, "healed.py", b"and it can be written to")


async def test_invariants_of_the_tables_survive(pools: Pools) -> None:
    database = pools("files")
    await _upload(database, "unique.py")
    await rebuild(pools("files_owner"), "files", [FILES], history)
    with pytest.raises(FileNameTaken):
        await _upload(database, "unique.py")
    async with pools("files_owner").transaction() as connection:
        found = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()"
                " AND tablename = 'files' AND indexdef ~ 'UNIQUE.*NOT deleted'"
            )
        )
    assert found == 1


async def test_readers_and_writers_go_on_while_it_is_rebuilt(pools: Pools) -> None:
    """Readers poll for less than was there before; writers use the commands of the service."""
    database, owner, user_id = pools("files"), pools("files_owner"), uuid4()
    for number in range(FILE_COUNT):
        await _upload(database, f"before{number}.py", user_id)
    done, written, looks = asyncio.Event(), 0, 0

    async def write(writer: int) -> None:
        nonlocal written
        number = 0
        while not done.is_set():
            await _upload(database, f"during{writer}-{number}.py", user_id)
            number, written = number + 1, written + 1

    async def read() -> None:
        nonlocal looks
        seen = FILE_COUNT
        while not done.is_set():
            async with database.transaction() as connection:
                count = await _count(connection, user_id)
                torn = await connection.scalar(_TORN, {"user_id": user_id})
            assert count >= seen, "files have gone"
            assert torn == 0
            seen, looks = count, looks + 1

    async def rebuild_thrice() -> None:
        try:
            for _ in range(3):
                await rebuild(owner, "files", [FILES], history)
        finally:
            done.set()

    await asyncio.gather(rebuild_thrice(), *map(write, range(3)), read(), read())
    assert written > 0
    assert looks > 0
    async with database.transaction() as connection:
        assert await _count(connection, user_id) == FILE_COUNT + written
    before = await _rows(database, *FILES.tables)
    await rebuild(owner, "files", [FILES], history)
    assert await _rows(database, *FILES.tables) == before


_TORN = text(
    "SELECT count(*) FROM files f LEFT JOIN file_versions v USING (file_id, version)"
    " WHERE f.user_id = :user_id AND v.file_id IS NULL"
)


async def _count(connection: AsyncConnection, user_id: UUID) -> int:
    found = await connection.scalar(
        text("SELECT count(*) FROM files WHERE user_id = :user_id"), {"user_id": user_id}
    )
    return int(found or 0)


async def test_a_rebuild_that_failed_changes_nothing_and_can_be_repeated(pools: Pools) -> None:
    database, owner = pools("files"), pools("files_owner")
    await _upload(database, "survivor.py")
    before, calls = await _rows(database, *FILES.tables), 0

    async def fails_at_the_second(_: AsyncConnection, events: Sequence[RecordedEvent]) -> None:
        nonlocal calls
        calls += len(events)
        if calls >= 2:
            raise RuntimeError("bug in a handler")

    handlers = dict.fromkeys(FILES.handlers, fails_at_the_second)
    await _upload(database, "second.py")
    before = await _rows(database, *FILES.tables)
    with pytest.raises(RuntimeError):
        await rebuild(owner, "files", [Projection("files", FILES.tables, handlers)], history)
    assert await _rows(database, *FILES.tables) == before
    await rebuild(owner, "files", [FILES], history)
    assert await _rows(database, *FILES.tables) == before


async def test_every_projection_of_reports_is_rebuilt_from_its_journal(pools: Pools) -> None:
    database, file_id, mail_id = pools("reports"), uuid4(), uuid4()
    check = checked(file_id, 2)
    story = [
        recorded(uploaded(file_id), f"file-{file_id}", 1),
        recorded(check, f"checks-{file_id}", 1),
        recorded(replaced(file_id, 2), f"file-{file_id}", 2),
        recorded(sent(mail_id, check.check_id), f"mail-{mail_id}", 2),
        recorded(queued(mail_id, check.check_id), f"mail-{mail_id}", 1),
    ]
    async with database.transaction() as connection:
        await react(connection, story)
    for projection in of_reports.PROJECTIONS:
        before = await _rows(database, *projection.tables)
        assert all(before.values())
        async with pools("reports_owner").transaction() as connection:
            for table in projection.tables:
                await connection.execute(text(f"DELETE FROM {table}"))
        await rebuild(pools("reports_owner"), "reports", [projection], of_reports.history)
        assert await _rows(database, *projection.tables) == before


async def test_the_command_rebuilds_what_it_is_told(
    pools: Pools,
    postgres: PrivateDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREREVIEW_MIGRATION_DATABASE_URL", postgres.url("files_owner"))
    await _upload(pools("files"), "commanded.py")
    assert await asyncio.to_thread(main, ["files", "files"]) == 0
    assert "files.files: rebuilt from" in capsys.readouterr().out
    assert main(["nobody"]) == 2
    monkeypatch.delenv("PREREVIEW_MIGRATION_DATABASE_URL")
    assert main(["files"]) == 2


async def test_two_rebuilds_at_once_take_turns(pools: Pools) -> None:
    database = pools("files")
    await _upload(database, "turns.py", uuid4())
    before = await _rows(database, *FILES.tables)
    owner = pools("files_owner")
    await asyncio.gather(*(rebuild(owner, "files", [FILES], history) for _ in range(3)))
    assert await _rows(database, *FILES.tables) == before


_SHAPE = """
SELECT c.relname, x.name, x.definition FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = :schema,
LATERAL (
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = c.oid
    UNION ALL
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = c.oid
    UNION ALL
    SELECT attname, format_type(atttypid, atttypmod) || attnotnull FROM pg_attribute
    WHERE attrelid = c.oid AND attnum > 0
) AS x(name, definition)
WHERE c.relkind = 'r'
ORDER BY 1, 2, 3
"""


async def _shape(database: Database, schema: str) -> list[tuple[str, ...]]:
    """Every column, index and constraint of a schema, by name."""
    async with database.transaction() as connection:
        rows = await connection.execute(text(_SHAPE), {"schema": schema})
        return [tuple(row) for row in rows]


async def test_indexes_and_constraints_keep_the_names_migrations_know_them_by(
    pools: Pools,
) -> None:
    names = {"files": "files_name", "reports": "files_user"}
    for schema, module in (("files", of_files), ("reports", of_reports)):
        owner = pools(f"{schema}_owner")
        before = await _shape(owner, schema)
        assert {"files_pkey", names[schema]} <= {name for _, name, _ in before}
        for _ in range(2):
            for projection in module.PROJECTIONS:
                await rebuild(owner, schema, [projection], module.history)
            assert await _shape(owner, schema) == before


async def test_the_planner_knows_a_rebuilt_table_at_once(pools: Pools) -> None:
    for number in range(3):
        await _upload(pools("files"), f"counted{number}.py", uuid4())
    owner = pools("files_owner")
    await rebuild(owner, "files", [FILES], history)
    async with owner.transaction() as connection:
        known = "SELECT reltuples FROM pg_class WHERE oid = CAST(:table AS regclass)"
        for table in FILES.tables:
            rows = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
            assert await connection.scalar(text(known), {"table": table}) == rows
