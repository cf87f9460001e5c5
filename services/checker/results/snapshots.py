"""Snapshots of the checks of a file: their events are too many to read each time.

A snapshot may be missing or old: the events after it are read from the file's stream.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checker.domain.checks import CHECKS, Checks, stream
from shared.eventsourcing.event import Event, UnreadableRowError
from shared.eventsourcing.pages import Row
from shared.eventsourcing.store import EventStore
from shared.logging import log

_STATE = TypeAdapter(Checks)
_LOAD = text("""
SELECT file_id, version, state::text FROM histories WHERE file_id = ANY(:ids)
""")
_SAVE = text("""
INSERT INTO histories (file_id, version, state)
SELECT file_id, version, CAST(state AS json)
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:states AS text[]))
     AS h(file_id, version, state)
ON CONFLICT (file_id) DO UPDATE SET version = excluded.version, state = excluded.state
""")


@dataclass(frozen=True)
class Snapshot:
    """The state after the first `version` events of a file's stream."""

    version: int = 0
    checks: Checks = CHECKS.initial

    def after(self, events: Collection[Event]) -> "Snapshot":
        return Snapshot(self.version + len(events), reduce(CHECKS.evolve, events, self.checks))


async def load(
    connection: AsyncConnection, store: EventStore, file_ids: Collection[UUID]
) -> dict[UUID, Snapshot]:
    """Up-to-date snapshots of the files."""
    rows = await connection.execute(_LOAD, {"ids": list(file_ids)})
    stored = {row.file_id: Snapshot(row.version, _STATE.validate_json(row.state)) for row in rows}
    snapshots = {stream(file_id): stored.get(file_id, Snapshot()) for file_id in file_ids}
    after = {name: snapshot.version for name, snapshot in snapshots.items()}
    for row in await store.rows_of(connection, after):
        snapshot = snapshots[row.stream_id]
        next_one = snapshot.after([event] if (event := _read(store, row)) else [])
        snapshots[row.stream_id] = replace(next_one, version=snapshot.version + 1)
    return {file_id: snapshots[stream(file_id)] for file_id in file_ids}


def _read(store: EventStore, row: Row) -> Event | None:
    """None for an event that can't be read: the next result is compared with the one before it."""
    try:
        return row.event(store.types).event
    except UnreadableRowError as error:
        log.error("result_unreadable", position=error.position, reason=error.reason)
        return None


async def save(connection: AsyncConnection, snapshots: Mapping[UUID, Snapshot]) -> None:
    """Store the snapshots, in the transaction that appends the last of their events."""
    values = {
        "ids": list(snapshots),
        "versions": [snapshot.version for snapshot in snapshots.values()],
        "states": [_STATE.dump_json(snapshot.checks).decode() for snapshot in snapshots.values()],
    }
    await connection.execute(_SAVE, values)
