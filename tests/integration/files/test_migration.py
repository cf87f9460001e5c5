"""What was there before the second migration is right after it."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from alembic import command
from sqlalchemy import text

from services.files.projections import FILES, history
from shared.db import Database
from shared.eventsourcing.rebuild import rebuild
from shared.migrations import config, upgrade
from tests.support.databases import create_empty, drop
from tests.support.events import EMPTY
from tests.support.readmodels import rows_of

UPLOADED = '{{"file_id": "{0}", "user_id": "{1}", "name": "{2}", "size": 7, "sha256": "{3}"}}'
DELETED = '{{"file_id": "{0}", "user_id": "{1}", "version": 1}}'
_EVENT = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
VALUES (:event_id, :stream, :version, :type, 1, CAST(:data AS jsonb), '{}', :at)
"""


async def test_files_deleted_before_have_the_time_of_their_deletion(postgres_url: str) -> None:
    empty = await create_empty(postgres_url)
    owner = Database(empty.url("files_owner"))
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    gone, living, user_id = uuid4(), uuid4(), uuid4()
    try:
        url = empty.url("files_owner")
        await asyncio.to_thread(command.upgrade, config("files", url), "0001")
        async with owner.transaction() as connection:
            for file_id, name in ((gone, "gone.py"), (living, "living.py")):
                values = {"event_id": uuid4(), "stream": f"file-{file_id}", "at": at}
                data = UPLOADED.format(file_id, user_id, name, EMPTY)
                more = {"version": 1, "type": "FileUploaded", "data": data}
                await connection.execute(text(_EVENT), values | more)
                await connection.execute(
                    text("INSERT INTO files VALUES (:file, :user, :name, 1, :gone)"),
                    {"file": file_id, "user": user_id, "name": name, "gone": file_id == gone},
                )
                await connection.execute(
                    text("INSERT INTO file_versions VALUES (:file, 1, :user, :name, 7, :sha, :at)"),
                    {"file": file_id, "user": user_id, "name": name, "sha": EMPTY, "at": at},
                )
            more = {"version": 2, "type": "FileDeleted", "data": DELETED.format(gone, user_id)}
            values = {"event_id": uuid4(), "stream": f"file-{gone}", "at": at}
            await connection.execute(text(_EVENT), values | more)
        await asyncio.to_thread(upgrade, "files", url)
        async with owner.transaction() as connection:
            before = await rows_of(connection, FILES.tables)
        deleted_at = {row["file_id"]: row["deleted_at"] for row in before["files"]}
        assert deleted_at == {gone: at, living: None}
        assert before["usage"] == [{"user_id": user_id, "files": 1, "bytes": 7}]
        await rebuild(owner, "files", [FILES], history)
        async with owner.transaction() as connection:
            assert await rows_of(connection, FILES.tables) == before
    finally:
        await owner.close()
        await drop(empty)
