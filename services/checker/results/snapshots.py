"""What the checks of a file add up to, one row a file: their events are too many to read each time.

A row is a shortcut through the file's stream. It may be missing or behind: the rest is read there.
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
_LOAD = "SELECT file_id, version, state::text FROM histories WHERE file_id = ANY(:ids)"
_SAVE = """
INSERT INTO histories (file_id, version, state)
SELECT file_id, version, CAST(state AS json)
FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:states AS text[]))
     AS h(file_id, version, state)
ON CONFLICT (file_id) DO UPDATE SET version = excluded.version, state = excluded.state
"""


@dataclass(frozen=True)
class Past:
    """What the first `version` events of a file's stream add up to."""

    version: int = 0
    checks: Checks = CHECKS.initial

    def after(self, events: Collection[Event]) -> "Past":
        return Past(self.version + len(events), reduce(CHECKS.evolve, events, self.checks))


async def load(
    connection: AsyncConnection, store: EventStore, file_ids: Collection[UUID]
) -> dict[UUID, Past]:
    """The past of each file up to now."""
    rows = await connection.execute(text(_LOAD), {"ids": list(file_ids)})
    known = {row.file_id: Past(row.version, _STATE.validate_json(row.state)) for row in rows}
    pasts = {stream(file_id): known.get(file_id, Past()) for file_id in file_ids}
    after = {name: past.version for name, past in pasts.items()}
    for row in await store.rows_of(connection, after):
        past = pasts[row.stream_id]
        longer = past.after([event] if (event := _read(store, row)) else [])
        pasts[row.stream_id] = replace(longer, version=past.version + 1)
    return {file_id: pasts[stream(file_id)] for file_id in file_ids}


def _read(store: EventStore, row: Row) -> Event | None:
    """None for a result that can't be read: the next one is compared with the one before it."""
    try:
        return row.event(store.types).event
    except UnreadableRowError as error:
        log.error("result_unreadable", position=error.position, reason=error.reason)
        return None


async def save(connection: AsyncConnection, pasts: Mapping[UUID, Past]) -> None:
    """Keep the pasts, in the transaction that appends the last of their events."""
    values = {
        "ids": list(pasts),
        "versions": [past.version for past in pasts.values()],
        "states": [_STATE.dump_json(past.checks).decode() for past in pasts.values()],
    }
    await connection.execute(text(_SAVE), values)
