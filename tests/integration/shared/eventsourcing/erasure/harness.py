"""Services with many events and rows of one person, who is then erased."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import event, text

from services.checker import reactions as checker
from services.files import reactions as files
from services.notifier import reactions as notifier
from services.reports import reactions as reports
from shared.clock import utc_now
from shared.contracts.auth import UserErased
from shared.db import Database
from shared.eventsourcing.erasure.steps import Prepare
from shared.eventsourcing.event import RecordedEvent
from shared.messaging.reactions import React
from tests.integration.files.harness import STORE as FILES
from tests.integration.notifier.harness import STORE as MAILS
from tests.support.events import ANN, recorded

EVENT_COUNT = 20_000  # events and versions
ROW_COUNT = 1000  # rows of other tables
SECRET = "Zaphod4711"
USER_ERASED = recorded(UserErased(user_id=ANN), f"user-{ANN}", 2)

_EVENTS = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), 'long-' || :user_id, n, CAST(:type AS text), 1, CAST(:data AS jsonb),
       jsonb_build_object('user_id', :user_id), now() FROM generate_series(1, :long) AS n
"""
_JOURNAL = """
INSERT INTO journal (event_id, stream_id, version, type, schema_version, user_id, data, metadata,
                     recorded_at)
SELECT gen_random_uuid(), 'long-' || :user_id, n, 'FileUploaded', 1, CAST(:user_id AS uuid),
       CAST(:data AS jsonb), '{}', now() FROM generate_series(1, :long) AS n
"""
_CONTENTS = """
INSERT INTO contents SELECT encode(sha256(c), 'hex'), c
FROM generate_series(1, :long) AS n, convert_to(:user_id || n, 'UTF8') AS c
"""
_FILE_VERSIONS = """
INSERT INTO file_versions
SELECT CAST(:file_id AS uuid), n, CAST(:user_id AS uuid), :name, 1,
       encode(sha256(convert_to(:user_id || n, 'UTF8')), 'hex'), now(), true
FROM generate_series(1, :long) AS n
"""
_FILES = """
INSERT INTO files (file_id, user_id, name, version, deleted)
SELECT gen_random_uuid(), CAST(:user_id AS uuid), :name || n, 1, false
FROM generate_series(1, :few) AS n
"""
_KEYS = """
INSERT INTO idempotency_keys SELECT CAST(:user_id AS uuid), :name || n, 'x', '{}', now()
FROM generate_series(1, :few) AS n
"""
_CHECKER_FILES = """
INSERT INTO files (file_id, user_id, sequence, deleted)
SELECT md5(:user_id || n)::uuid, CAST(:user_id AS uuid), 1, false
FROM generate_series(1, :few) AS n
"""
_CHECKER_VERSIONS = """
INSERT INTO versions (file_id, version, user_id, name, sha256, changed_at, deleted)
SELECT file_id, n, user_id, :name, '', now(), false FROM files, generate_series(1, 20) AS n
"""
_HISTORIES = "INSERT INTO histories SELECT file_id, 1, to_json(CAST(:name AS text)) FROM files"
_CHECKS = """
INSERT INTO checks
SELECT gen_random_uuid(), gen_random_uuid(), CAST(:user_id AS uuid), :name, n, '', '', '', now(),
       now(), 1, 'findings', NULL, 'not_ready', '{}', false, '[]', '[]'
FROM generate_series(1, :few) AS n
"""
_REPORTS_FILES = """
INSERT INTO files (file_id, user_id, sequence, deleted, name)
SELECT gen_random_uuid(), CAST(:user_id AS uuid), 1, false, :name
FROM generate_series(1, :few) AS n
"""
_REPORTS_MAILS = """
INSERT INTO mails (mail_id, user_id, sequence, state, attempts, reply)
SELECT gen_random_uuid(), CAST(:user_id AS uuid), 1, 'sent', 1, :name
FROM generate_series(1, :few) AS n
"""
# Fewer: each that waits gets an event of its own.
_QUEUED = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT gen_random_uuid(), 'mail-' || id, 1, 'EmailQueued', 1,
       jsonb_build_object('mail_id', id, 'user_id', :user_id, 'kind', 'check_result',
                          'check_id', id),
       jsonb_build_object('user_id', :user_id), now()
FROM generate_series(1, :few) AS n, CAST(md5(:user_id || n) AS uuid) AS id
"""
_MAILS = """
INSERT INTO mails (mail_id, user_id, kind, check_id, type, result, queued_at, state, due_at)
SELECT id, CAST(:user_id AS uuid), 'check_result', id, 'FileChecked',
       jsonb_build_object('file_name', :name), now() + n * interval '1 s', :state, NULL
FROM generate_series(1, :few) AS n, CAST(md5(:user_id || n) AS uuid) AS id
"""


@dataclass
class ErasureHarness:
    """A service with many events and rows of one person, and its reaction to their erasure."""

    database: Database
    prepare: Prepare
    react: React
    max_rows: int = 0  # rows that a statement has touched

    async def fill(self, *statements: str, **more: object) -> None:
        """Put the values in the place of their names; the statements have no others."""
        values = {
            "user_id": ANN,
            "name": SECRET,
            "file_id": uuid4(),
            "long": EVENT_COUNT,
            "few": ROW_COUNT,
        }
        values |= more
        async with self.database.transaction() as connection:
            for statement in statements:
                for name, value in values.items():
                    literal = str(value) if isinstance(value, int) else f"'{value}'"
                    statement = statement.replace(f":{name}", literal)  # noqa: PLW2901
                await connection.exec_driver_sql(statement)

    async def remaining_rows(self) -> dict[str, int]:
        """By table, how many rows hold what the person has written."""
        query = "SELECT count(*) FROM {} AS t WHERE t::text LIKE '%' || :secret || '%'"
        async with self.database.transaction() as connection:
            names = await connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
            counts = {
                name: await connection.scalar(text(query.format(name)), {"secret": SECRET})
                for name in names.all()
            }
        return {name: int(count) for name, count in counts.items() if count}

    async def scalar(self, query: str) -> Any:
        async with self.database.transaction() as connection:
            return await connection.scalar(text(query))

    def watch(self) -> None:
        """Count the rows that each statement touches from now on."""

        def executed(_: object, cursor: Any, statement: str, *__: object) -> None:
            if not statement.lstrip().startswith("SELECT"):
                self.max_rows = max(self.max_rows, cursor.rowcount)

        event.listen(self.database.engine.sync_engine, "after_cursor_execute", executed)

    async def finish(self, recorded_event: RecordedEvent = USER_ERASED) -> None:
        """Do what the consumer does: prepare in time slices, then run the transaction."""
        while not await self.prepare(self.database, recorded_event):
            pass
        async with self.database.transaction() as connection:
            await self.react(connection, [recorded_event])


async def _of_files(database: Database) -> ErasureHarness:
    harness = ErasureHarness(database, files.preparations(FILES)[UserErased], files.reacting(FILES))
    data = {"file_id": str(uuid4()), "user_id": str(ANN), "name": SECRET, "size": 1, "sha256": "0"}
    await harness.fill(_EVENTS, type="FileUploaded", data=json.dumps(data))
    await harness.fill(_CONTENTS, _FILE_VERSIONS, _FILES, _KEYS)
    return harness


async def _of_checker(database: Database) -> ErasureHarness:
    harness = ErasureHarness(database, checker.PREPARE[UserErased], checker.react)
    await harness.fill(_EVENTS, type="FileChecked", data=json.dumps({"file_name": SECRET}))
    await harness.fill(_CHECKER_FILES, _CHECKER_VERSIONS, _HISTORIES)
    return harness


async def _of_reports(database: Database) -> ErasureHarness:
    harness = ErasureHarness(database, reports.PREPARE[UserErased], reports.react)
    await harness.fill(_JOURNAL, data=json.dumps({"name": SECRET}))
    await harness.fill(_CHECKS, _REPORTS_FILES, _REPORTS_MAILS)
    return harness


async def _of_notifier(database: Database) -> ErasureHarness:
    prepare = notifier.preparations(MAILS, utc_now)[UserErased]
    harness = ErasureHarness(database, prepare, notifier.reacting(MAILS, utc_now))
    await harness.fill(_EVENTS, type="EmailSent", data=json.dumps({"reply": SECRET}))
    await harness.fill(_QUEUED, _MAILS, few=300, state="held")
    return harness


HARNESSES = {
    "files": _of_files,
    "checker": _of_checker,
    "reports": _of_reports,
    "notifier": _of_notifier,
}
