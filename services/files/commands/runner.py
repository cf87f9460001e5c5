"""Runs the command of a request: once per Idempotency-Key, and within the user's limits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.files.commands.result import CommandResult
from services.files.storage import idempotency, limits
from services.files.storage.limits import Quota
from shared.clock import Clock
from shared.contracts.http.files import Limits, Saved
from shared.db import Database
from shared.eventsourcing.store import EventStore

Command = Callable[[AsyncConnection, EventStore], Awaitable[CommandResult]]


@dataclass(frozen=True)
class CommandRunner:
    """Runs each command in a transaction of its own."""

    database: Database
    store: EventStore
    quota: Quota
    clock: Clock

    async def run(
        self,
        key: idempotency.Key | None,
        user_id: UUID,
        command: Command,
        *,
        charged: bool = True,
    ) -> tuple[Saved, bool]:
        """Return the response, and whether it is the stored one of an earlier request.

        A command that is not `charged`, such as deleting, is allowed whatever the limits.
        """
        async with self.database.transaction() as connection:
            if key and (stored := await idempotency.claim(connection, key, self.clock())):
                return Saved.model_validate_json(stored), True
            result = await command(connection, self.store)
            if charged and not result.unchanged:
                left = await self._charge(connection, user_id, result)
            else:
                left = await limits.current(connection, self.quota, user_id, self.clock())
            saved = Saved(**vars(result), unchanged=result.unchanged, limits=left)
            if key:
                await idempotency.store_response(connection, key, saved.model_dump_json())
        return saved, False

    async def _charge(
        self, connection: AsyncConnection, user_id: UUID, result: CommandResult
    ) -> Limits:
        return await limits.charge(
            connection,
            self.quota,
            user_id,
            self.clock(),
            adds_file=result.adds_file,
            changes=result.changes,
            bucket_full_at=result.bucket_full_at,
        )
