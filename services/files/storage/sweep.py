"""Deletes the contents that `unwanted_contents` lists, unless a version refers to them again."""

from collections.abc import Sequence

from sqlalchemy import text

from services.files.storage.contents import DELETE_BATCH, delete_unwanted
from shared.db import Database
from shared.eventsourcing.append_lock import take_append_lock

_NEXT = text("""
SELECT sha256 FROM unwanted_contents WHERE sha256 > :after ORDER BY sha256 LIMIT :batch
""")
_REMOVE_FROM_QUEUE = text("""
DELETE FROM unwanted_contents WHERE sha256 = ANY(:candidates)
""")


class ContentSweep:
    """Goes through the queue in the order of the hashes, one batch at a step."""

    def __init__(self, database: Database, *, batch: int = DELETE_BATCH) -> None:
        self._database, self._batch = database, batch
        self._after = ""

    @property
    def has_more(self) -> bool:
        """Whether the last step ended before the end of the queue."""
        return bool(self._after)

    async def step(self) -> int:
        """Delete the contents of the next batch; return how many."""
        values = {"after": self._after, "batch": self._batch}
        async with self._database.transaction() as connection:
            candidates = (await connection.scalars(_NEXT, values)).all()
        deleted = await self._delete(candidates) if candidates else 0
        self._after = candidates[-1] if len(candidates) == self._batch else ""
        return deleted

    async def _delete(self, candidates: Sequence[str]) -> int:
        async with self._database.transaction() as connection:
            await take_append_lock(connection)
            await connection.execute(_REMOVE_FROM_QUEUE, {"candidates": candidates})
            return await delete_unwanted(connection, candidates)
