"""What has its time: contents of deleted files, keys of requests, full buckets."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import contents, idempotency, limits
from services.files.domain.file import FILE, erase, stream
from shared.clock import Clock
from shared.context import correlation_id
from shared.db import Database
from shared.eventsourcing.execute import execute
from shared.eventsourcing.projection import take_append_lock
from shared.eventsourcing.store import EventStore
from shared.ids import new_id
from shared.logging import log

PAUSE = 60.0  # seconds between two looks
SWEEP = timedelta(hours=1)  # between two looks at all contents
BATCH = 20  # files in one transaction, in which nobody else can save

_DUE = """
SELECT file_id FROM files WHERE deleted AND NOT erased AND deleted_at <= :before
ORDER BY deleted_at LIMIT :batch
"""
_CONTENTS = "SELECT DISTINCT sha256 FROM file_versions WHERE file_id = ANY(:files)"


class Retention:
    """Erases the contents of files that were deleted long enough ago."""

    def __init__(
        self, database: Database, store: EventStore, *, kept: timedelta, clock: Clock
    ) -> None:
        """Take how long deleted files can be restored."""
        self._database, self._store, self._kept, self._clock = database, store, kept, clock
        self._swept_at: datetime | None = None

    async def step(self) -> bool:
        """Erase one batch and tidy up; True when there may be another batch at once."""
        correlation_id.set(new_id())
        now = self._clock()
        async with self._database.transaction() as connection:
            erased = await self._erase_due(connection, now - self._kept)
        async with self._database.transaction() as connection:
            await idempotency.prune(connection, now)
            await limits.prune(connection, now)
        swept = await self._sweep(now)
        if erased or swept:
            log.info("contents_erased", files=erased, swept=swept)
        return erased == BATCH

    async def _sweep(self, now: datetime) -> int:
        """Now and then, until nothing is left of what a drop had to pass over."""
        if self._swept_at is not None and abs(now - self._swept_at) < SWEEP:
            return 0
        swept = await contents.sweep(self._database)
        self._swept_at = None if swept else now
        return swept

    async def _erase_due(self, connection: AsyncConnection, before: datetime) -> int:
        await take_append_lock(connection)
        due = await connection.execute(text(_DUE), {"before": before, "batch": BATCH})
        files = list(due.scalars())
        for file_id in files:
            decide = partial(erase, file_id=file_id)
            await execute(connection, self._store, FILE, stream(file_id), decide)
        rows = await connection.execute(text(_CONTENTS), {"files": files})
        await contents.drop_unwanted(connection, list(rows.scalars()))
        return len(files)
