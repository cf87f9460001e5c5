"""Deletes what has expired: contents of deleted files, idempotency keys, full token buckets."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.domain.file import FILE, File, erase, stream
from services.files.storage import idempotency, limits
from services.files.storage.sweep import ContentSweep
from shared.clock import Clock
from shared.context import correlation_id
from shared.db import Database
from shared.db.bounded_deletion import BATCH_ROWS
from shared.eventsourcing.append_lock import take_append_lock
from shared.eventsourcing.event import RecordedEvent
from shared.eventsourcing.store import Batch, EventStore
from shared.ids import new_id
from shared.logging import log

PAUSE = 60.0  # seconds between two steps
BATCH = 20  # files in one transaction, in which nobody else can save

_DUE = text("""
SELECT file_id, sum(version) OVER (ORDER BY deleted_at, file_id) - version AS versions_before
FROM (
    SELECT file_id, deleted_at, version FROM files
    WHERE deleted AND NOT erased AND deleted_at <= :before
    ORDER BY deleted_at, file_id LIMIT :batch
) AS due
""")
_QUEUE_CONTENTS = text("""
INSERT INTO unwanted_contents (sha256)
SELECT DISTINCT sha256 FROM file_versions WHERE file_id = ANY(:files) ON CONFLICT DO NOTHING
""")


class Retention:
    """Erases the contents of files that were deleted long enough ago."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        sweep: ContentSweep,
        *,
        keep_for: timedelta,
        clock: Clock,
        max_versions: int = 500,
    ) -> None:
        """Keep deleted files for `keep_for`.

        A transaction erases files until they have `max_versions` together, but at least one.
        """
        self._database, self._store, self._sweep = database, store, sweep
        self._keep_for, self._clock, self._max_versions = keep_for, clock, max_versions

    async def step(self) -> bool:
        """Do one batch of everything; return whether there may be more to do at once."""
        correlation_id.set(new_id())
        now = self._clock()
        async with self._database.transaction() as connection:
            erased, more = await self._erase_due(connection, now - self._keep_for)
        pruned = await self._prune(now)
        swept = await self._sweep.step()
        if erased or swept:
            log.info("contents_erased", files=erased, swept=swept)
        return more or pruned or self._sweep.has_more

    async def _prune(self, now: datetime) -> bool:
        more = []
        for prune in (idempotency.prune, limits.prune):
            async with self._database.transaction() as connection:
                more.append(await prune(connection, now) == BATCH_ROWS)
        return any(more)

    async def _erase_due(self, connection: AsyncConnection, before: datetime) -> tuple[int, bool]:
        """Erase files and queue their contents; return how many, and whether more may be due."""
        await take_append_lock(connection)
        due = (await connection.execute(_DUE, {"before": before, "batch": BATCH})).all()
        files = [row.file_id for row in due if row.versions_before < self._max_versions]
        histories = await self._store.load_many(connection, list(map(stream, files)))
        erasures = [
            Batch(stream(file_id), len(history), erase(_state(history), file_id))
            for file_id, history in zip(files, histories.values(), strict=True)
        ]
        await self._store.append_many(connection, erasures)
        await connection.execute(_QUEUE_CONTENTS, {"files": files})
        return len(files), len(due) == BATCH or len(files) < len(due)


def _state(history: Sequence[RecordedEvent]) -> File:
    return FILE.state(recorded.event for recorded in history)
