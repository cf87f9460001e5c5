"""Rows of an event table as no code of ours would write them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.db import Database
from tests.support.events import ANN, EMPTY

_INSERT = """
INSERT INTO events (event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
VALUES (:event_id, :stream_id, 1, :type, :schema_version, CAST(:data AS jsonb),
        CAST(:metadata AS jsonb), :recorded_at)
"""
NOW = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


def upload_data(**fields: object) -> dict[str, object]:
    ids = {"file_id": str(uuid4()), "user_id": str(ANN)}
    return {**ids, "name": "main.py", "size": 0, "sha256": EMPTY, **fields}


async def store_row(database: Database, **columns: Any) -> UUID:
    """Put in a row that is an upload but for `columns`; JSON may be text. Its event id."""
    event_id = uuid4()
    values: dict[str, Any] = {
        "event_id": event_id,
        "stream_id": f"file-{event_id}",
        "type": "FileUploaded",
        "schema_version": 1,
        "data": upload_data(),
        "metadata": {},
        "recorded_at": NOW,
    } | columns
    for name in ("data", "metadata"):
        if isinstance(values[name], Mapping | list):
            values[name] = json.dumps(values[name])
    async with database.transaction() as connection:
        await connection.execute(text(_INSERT), values)
    return event_id
