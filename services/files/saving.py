"""One request that changes a file: once, within the limits, and what it leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import commands, idempotency, limits
from services.files.limits import Quota
from shared.clock import Clock
from shared.contracts.http.files import Limits, Saved
from shared.db import Database
from shared.eventsourcing.store import EventStore

Command = Callable[[AsyncConnection, EventStore], Awaitable[commands.Saved]]


@dataclass(frozen=True)
class Saving:
    """Runs commands, each in a transaction of its own."""

    database: Database
    store: EventStore
    allowance: Quota
    clock: Clock

    async def once(
        self,
        key: idempotency.Key | None,
        user_id: UUID,
        command: Command,
        *,
        free: bool = False,
    ) -> tuple[Saved, bool]:
        """Run the command; with a key only the first time, after that its answer again (True).

        `free` is one that is never too much, such as deleting.
        """
        run = self._free if free else self._charged
        async with self.database.transaction() as connection:
            if key and (earlier := await idempotency.claim(connection, key, self.clock())):
                return Saved.model_validate_json(earlier), True
            saved = await run(connection, user_id, command)
            if key:
                await idempotency.keep(connection, key, saved.model_dump_json())
        return saved, False

    async def _free(self, connection: AsyncConnection, user_id: UUID, command: Command) -> Saved:
        return await self._told(connection, user_id, await command(connection, self.store))

    async def _charged(self, connection: AsyncConnection, user_id: UUID, command: Command) -> Saved:
        saved = await command(connection, self.store)
        if saved.unchanged:
            return await self._told(connection, user_id, saved)
        left = await limits.charge(
            connection,
            self.allowance,
            user_id,
            self.clock(),
            adds_file=saved.adds_file,
            changes=saved.changes,
            bucket_full_at=saved.bucket_full_at,
        )
        return _answer(saved, left)

    async def _told(
        self, connection: AsyncConnection, user_id: UUID, saved: commands.Saved
    ) -> Saved:
        left = await limits.current(connection, self.allowance, user_id, self.clock())
        return _answer(saved, left)


def _answer(saved: commands.Saved, left: Limits) -> Saved:
    return Saved(**vars(saved), unchanged=saved.unchanged, limits=left)
