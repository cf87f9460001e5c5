"""Rows from before a migration become what a rebuild would have made of their events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest_asyncio
from alembic import command
from sqlalchemy import text

from services.reports import journal
from services.reports.projections import PROJECTIONS
from shared.contracts.checker import Counts
from shared.db import Database
from shared.eventsourcing.rebuild import rebuild
from shared.migrations import config, upgrade
from tests.integration.reports.story import lost, result, saved
from tests.support.databases import PrivateDatabase, create_empty, drop
from tests.support.events import ANN, NOON, check_failed, checked, queued, recorded, sent
from tests.support.readmodels import Tables, rows_of

TABLES = ("files", "checks", "mails")

# As the projections of 0001 wrote them.
FILES = """
INSERT INTO files (file_id, user_id, sequence, deleted, version, name, size, sha256, uploaded_at)
SELECT DISTINCT ON (file_id) CAST(data ->> 'file_id' AS uuid) AS file_id, user_id,
    max(version) OVER life, bool_or(type = 'FileDeleted') OVER life,
    CAST(data ->> 'version' AS int), data ->> 'name', CAST(data ->> 'size' AS bigint),
    data ->> 'sha256', recorded_at
FROM journal WHERE stream_id LIKE 'file-%'
WINDOW life AS (PARTITION BY stream_id)
ORDER BY file_id, type = 'FileDeleted', version DESC
"""
CHECKS = """
INSERT INTO checks
SELECT CAST(data ->> 'check_id' AS uuid), CAST(data ->> 'file_id' AS uuid), user_id,
    data ->> 'file_name', CAST(data ->> 'version' AS int), data ->> 'sha256', data ->> 'engine',
    data ->> 'profile', CAST(data ->> 'started_at' AS timestamptz), recorded_at,
    CAST(data ->> 'duration_ms' AS int), coalesce(data ->> 'outcome', 'failed'),
    data ->> 'reason', data ->> 'verdict', coalesce(data -> 'counts', CAST(:none AS jsonb)),
    false, coalesce(data -> 'findings', '[]'), coalesce(data -> 'fixed', '[]')
FROM journal WHERE stream_id LIKE 'checks-%'
"""
MAILS = """
INSERT INTO mails (mail_id, check_id, user_id, sequence, state, attempts, sent_at, message_id,
                   reply)
SELECT DISTINCT ON (1) CAST(data ->> 'mail_id' AS uuid), CAST(data ->> 'check_id' AS uuid), user_id,
    version, CASE type WHEN 'EmailSent' THEN 'sent' ELSE 'queued' END,
    coalesce(CAST(data ->> 'attempts' AS int), 0), CAST(data ->> 'sent_at' AS timestamptz),
    data ->> 'message_id', data ->> 'reply'
FROM journal WHERE stream_id LIKE 'mail-%' ORDER BY 1, version DESC
"""


@pytest_asyncio.fixture
async def old(postgres_url: str) -> AsyncIterator[PrivateDatabase]:
    """A database as it was before 0002."""
    made = await create_empty(postgres_url)
    owner = config("reports", made.url("reports_owner"))
    await asyncio.to_thread(command.upgrade, owner, "0001")
    yield made
    await drop(made)


async def test_old_rows_are_as_if_they_had_been_written_today(old: PrivateDatabase) -> None:
    database, owner = Database(old.url("reports")), Database(old.url("reports_owner"))
    await _write_as_before(database)
    await asyncio.to_thread(upgrade, "reports", old.url("reports_owner"))
    migrated = await _rows(database)
    for projection in PROJECTIONS:
        await rebuild(owner, "reports", [projection], journal.history)
    assert await _rows(database) == migrated
    assert sorted(row["state"] for row in migrated["files"]) == [
        "failed",
        "not_ready",
        "waiting",
        "waiting",
    ]
    for pool in (database, owner):
        await pool.close()


async def _write_as_before(database: Database) -> None:
    kept, gone, changed, unknown, open_mail = (uuid4() for _ in range(5))
    check = checked(kept, 1)
    story = [
        saved(kept, ANN, name="Über.py"),
        result(check),
        recorded(queued(open_mail, check.check_id), f"mail-{open_mail}", 1),
        recorded(sent(open_mail, check.check_id), f"mail-{open_mail}", 2),
        saved(gone, ANN),
        result(check_failed(gone, 1)),
        lost(gone, ANN, 2, minute=7),
        saved(changed, ANN),
        result(checked(changed, 1)),
        saved(changed, ANN, 2, name="ПРИВЕТ.py", minute=3),
        result(checked(unknown, 1)),
        recorded(queued(uuid4(), uuid4()), f"mail-{uuid4()}", at=NOON + timedelta(hours=1)),
    ]
    async with database.transaction() as connection:
        for event in story:
            await journal.note(connection, [event])
        for statement in (FILES, CHECKS, MAILS):
            await connection.execute(text(statement), {"none": Counts().model_dump_json()})


async def _rows(database: Database) -> Tables:
    async with database.transaction() as connection:
        return await rows_of(connection, TABLES)
