"""What was due before every version had a check of its own is due after it."""

import asyncio
from uuid import uuid4

from alembic import command
from sqlalchemy import text

from services.checker import claims
from shared.clock import utc_now
from shared.db import Database
from shared.migrations import config, upgrade
from tests.support.databases import create_empty, drop
from tests.support.events import EMPTY

_FILE = """
INSERT INTO files (file_id, user_id, sequence, deleted, version, name, sha256, changed_at,
                   checked_version)
VALUES (:file_id, gen_random_uuid(), :version, :deleted, :version, 'main.py', :sha256, now(),
        :checked)
"""


async def test_what_waited_before_waits_after(postgres_url: str) -> None:
    empty = await create_empty(postgres_url)
    owner = Database(empty.url("checker_owner"))
    waiting, checked, deleted = uuid4(), uuid4(), uuid4()
    try:
        url = empty.url("checker_owner")
        await asyncio.to_thread(command.upgrade, config("checker", url), "0003")
        async with owner.transaction() as connection:
            for file_id, done in ((waiting, 3), (checked, 4), (deleted, 3)):
                values = {"file_id": file_id, "version": 4, "checked": done, "sha256": EMPTY}
                await connection.execute(text(_FILE), values | {"deleted": file_id == deleted})
        await asyncio.to_thread(upgrade, "checker", url)
        async with owner.transaction() as connection:
            files = await claims.claim(connection, 1, 10, utc_now(), "large")  # of unknown size
        assert [(file.file_id, file.version, file.name) for file in files] == [
            (waiting, 4, "main.py")
        ]
    finally:
        await owner.close()
        await drop(empty)
