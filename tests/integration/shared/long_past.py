"""Services in which a person has a long past."""

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
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.steps import Prepare
from shared.messaging.handler import React
from tests.integration.files.harness import STORE as FILES
from tests.integration.notifier.story import STORE as MAILS
from tests.support.events import ANN, recorded

LONG = 20_000  # events and versions
FEW = 1000  # rows of other tables
SECRET = "Zaphod4711"
TOLD = recorded(UserErased(user_id=ANN), f"user-{ANN}", 2)

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
class Long:
    """A service in which a person has a long past, and what it says when they are erased."""

    database: Database
    prepare: Prepare
    react: React
    most: int = 0  # rows that a statement has touched

    async def fill(self, *statements: str, **more: object) -> None:
        """Put the values in the place of their names; the statements have no others."""
        values = {"user_id": ANN, "name": SECRET, "file_id": uuid4(), "long": LONG, "few": FEW}
        values |= more
        async with self.database.transaction() as connection:
            for statement in statements:
                for name, value in values.items():
                    literal = str(value) if isinstance(value, int) else f"'{value}'"
                    statement = statement.replace(f":{name}", literal)  # noqa: PLW2901
                await connection.exec_driver_sql(statement)

    async def left(self) -> dict[str, int]:
        """Per table the rows that hold what the person has written."""
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
                self.most = max(self.most, cursor.rowcount)

        event.listen(self.database.engine.sync_engine, "after_cursor_execute", executed)

    async def finish(self, told: RecordedEvent = TOLD) -> None:
        """As the consumer does it: turns until nothing is left, then the transaction."""
        while not await self.prepare(self.database, told):
            pass
        async with self.database.transaction() as connection:
            await self.react(connection, [told])


async def _of_files(database: Database) -> Long:
    long = Long(database, files.preparations(FILES)[UserErased], files.reacting(FILES))
    data = {"file_id": str(uuid4()), "user_id": str(ANN), "name": SECRET, "size": 1, "sha256": "0"}
    await long.fill(_EVENTS, type="FileUploaded", data=json.dumps(data))
    await long.fill(_CONTENTS, _FILE_VERSIONS, _FILES, _KEYS)
    return long


async def _of_checker(database: Database) -> Long:
    long = Long(database, checker.PREPARE[UserErased], checker.react)
    await long.fill(_EVENTS, type="FileChecked", data=json.dumps({"file_name": SECRET}))
    await long.fill(_CHECKER_FILES, _CHECKER_VERSIONS, _HISTORIES)
    return long


async def _of_reports(database: Database) -> Long:
    long = Long(database, reports.PREPARE[UserErased], reports.react)
    await long.fill(_JOURNAL, data=json.dumps({"name": SECRET}))
    await long.fill(_CHECKS, _REPORTS_FILES, _REPORTS_MAILS)
    return long


async def _of_notifier(database: Database) -> Long:
    prepare = notifier.preparations(MAILS, utc_now)[UserErased]
    long = Long(database, prepare, notifier.reacting(MAILS, utc_now))
    await long.fill(_EVENTS, type="EmailSent", data=json.dumps({"reply": SECRET}))
    await long.fill(_QUEUED, _MAILS, few=300, state="held")
    return long


MAKE = {
    "files": _of_files,
    "checker": _of_checker,
    "reports": _of_reports,
    "notifier": _of_notifier,
}
