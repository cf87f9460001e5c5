"""One request that changes a file: once, within the limits, and what it leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.files import commands, idempotency, limits
from services.files.domain.file import Mark
from services.files.limits import Allowance, Limits
from shared.clock import Clock
from shared.db import Database
from shared.eventsourcing.store import EventStore

Command = Callable[[AsyncConnection, EventStore], Awaitable[commands.Saved]]


class Saved(BaseModel):
    """The file as a command left it; `event_id` is empty when nothing had to change."""

    file_id: UUID
    name: str
    version: int
    size: int
    sha256: str
    saved_at: datetime
    event_id: UUID | None
    unchanged: bool
    mark: Mark
    limits: Limits


@dataclass(frozen=True)
class Saving:
    """Runs commands, each in a transaction of its own."""

    database: Database
    store: EventStore
    allowance: Allowance
    clock: Clock

    async def once(
        self, key: idempotency.Key | None, user_id: UUID, command: Command, **costs: bool
    ) -> tuple[Saved, bool]:
        """Run the command; with a key only the first time, after that its answer again (True)."""
        async with self.database.transaction() as connection:
            if key and (earlier := await idempotency.claim(connection, key, self.clock())):
                return Saved.model_validate_json(earlier), True
            saved = await self._run(connection, user_id, command, **costs)
            if key:
                await idempotency.keep(connection, key, saved.model_dump_json())
        return saved, False

    async def run(self, user_id: UUID, command: Command, **costs: bool) -> Saved:
        """Run the command; `costs` as `limits.charge` takes them, nothing where nothing changed."""
        async with self.database.transaction() as connection:
            return await self._run(connection, user_id, command, **costs)

    async def _run(
        self,
        connection: AsyncConnection,
        user_id: UUID,
        command: Command,
        *,
        file: bool = False,
        version: bool = False,
    ) -> Saved:
        saved = await command(connection, self.store)
        costs = {"file": file and not saved.unchanged, "version": version and not saved.unchanged}
        left = await limits.charge(connection, self.allowance, user_id, self.clock(), **costs)
        return Saved(**vars(saved), unchanged=saved.unchanged, limits=left)
