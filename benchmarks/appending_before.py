"""Appends and uploads as they were: statement after statement under the append lock."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.contents import check_text
from shared.clock import utc_now
from shared.contracts.files import FileUploaded
from shared.db import Database
from shared.errors import ConcurrencyConflict
from shared.eventsourcing.event import Event, Metadata, RecordedEvent
from shared.eventsourcing.store import Batch, EventStore, _row, metadata_of
from shared.ids import new_id

_SCHEMA = "SELECT current_schema()"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:schema || '/append', 0))"
_VERSIONS = """
SELECT stream_id, max(version) AS version FROM events
WHERE stream_id = ANY(:streams) GROUP BY stream_id
"""
_INSERT = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
SELECT event_id, stream_id, version, type, schema_version, data, metadata, clock_timestamp()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (
    place int, event_id uuid, stream_id text, version int, type text, schema_version smallint,
    data jsonb, metadata jsonb)
ORDER BY place
RETURNING position, event_id, recorded_at
"""
_NOTIFY = "SELECT pg_notify('events_' || current_schema(), '')"


class StoreBefore(EventStore):
    """Five round trips an append."""

    async def append_many(
        self, connection: AsyncConnection, batches: Sequence[Batch]
    ) -> list[RecordedEvent]:
        await take_lock(connection)
        streams = [batch.stream_id for batch in batches]
        rows = await connection.execute(text(_VERSIONS), {"streams": streams})
        versions = {row.stream_id: row.version for row in rows}
        if any(versions.get(batch.stream_id, 0) != batch.expected_version for batch in batches):
            raise ConcurrencyConflict
        new: dict[UUID, tuple[str, int, Event, Metadata]] = {
            new_id(): (batch.stream_id, batch.expected_version + number, told, metadata_of(told))
            for batch in batches
            for number, told in enumerate(batch.events, start=1)
        }
        given = [_row(place, one, *fields) for place, (one, fields) in enumerate(new.items())]
        stored = await connection.execute(text(_INSERT), {"rows": json.dumps(given)})
        found = stored.all()
        await connection.execute(text(_NOTIFY))
        return [
            RecordedEvent(row.position, row.event_id, *new[row.event_id], row.recorded_at)
            for row in found
        ]


async def take_lock(connection: AsyncConnection) -> None:
    schema = (await connection.execute(text(_SCHEMA))).scalar_one()
    await connection.execute(text(_LOCK), {"schema": schema})


_CONTENT = "INSERT INTO contents VALUES (:sha256, :content) ON CONFLICT DO NOTHING"
_HOLD = "SELECT true FROM contents WHERE sha256 = :sha256 FOR KEY SHARE"
_ERASED = "SELECT true FROM erased_users WHERE user_id = :user_id"
_LIVING = """
SELECT file_id FROM files WHERE user_id = :user_id AND name = :name AND NOT deleted
AND file_id <> :file_id
"""
_FILE = """
INSERT INTO files (file_id, user_id, name, version, deleted)
SELECT :file_id, :user_id, :name, :version, false
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT (file_id) DO UPDATE SET name = excluded.name, version = excluded.version
WHERE files.version < excluded.version
"""
_VERSION = """
INSERT INTO file_versions (file_id, version, user_id, name, size, sha256, saved_at)
SELECT :file_id, :version, :user_id, :name, :size, :sha256, :saved_at
WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = :user_id)
ON CONFLICT DO NOTHING
"""
_OUTCOME = """
SELECT f.name, f.version, v.size, v.sha256, v.saved_at, f.deleted
FROM files f JOIN file_versions v USING (file_id, version) WHERE file_id = :file_id
"""
_USED = """
SELECT (SELECT count(*) FROM files WHERE user_id = :user_id AND NOT deleted) AS files,
       (SELECT coalesce(sum(size), 0)
        FROM (SELECT DISTINCT sha256, size FROM file_versions WHERE user_id = :user_id AND kept)
             AS kept) AS bytes,
       (SELECT full_at FROM upload_buckets WHERE user_id = :user_id) AS full_at
"""
_BUCKET = """
INSERT INTO upload_buckets (user_id, full_at) VALUES (:user_id, :full_at)
ON CONFLICT (user_id) DO UPDATE SET full_at = excluded.full_at
"""


async def upload(
    database: Database, store: EventStore, event: FileUploaded, content: bytes
) -> None:
    """What an upload asked of the database, in this order."""
    await asyncio.to_thread(check_text, content)
    values = {**vars(event), "content": content, "sha256": hashlib.sha256(content).hexdigest()}
    stream = f"file-{event.file_id}"

    async def run(statement: str, **more: Any) -> None:
        await connection.execute(text(statement), _named(statement, values | more))

    async with database.transaction() as connection:
        for statement in (_CONTENT, _HOLD):
            await run(statement)
        await take_lock(connection)
        for statement in (_ERASED, _LIVING):
            await run(statement)
        history = await store.load(connection, stream)
        [recorded] = await store.append(connection, stream, len(history), [event])
        await run(_FILE)
        await run(_VERSION, saved_at=recorded.recorded_at)
        await run(_OUTCOME)
        await run(_USED)
        await run(_BUCKET, full_at=utc_now() + timedelta(milliseconds=1))


def _named(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in statement}
