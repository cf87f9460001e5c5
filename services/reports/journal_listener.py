"""Wakes the tasks of a user when any copy of the service has recorded an event of theirs."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reports import journal
from shared.db import Database, translate_connection_errors

_PING = text("""
SELECT 1
""")


class JournalListener:
    """Listens to the notifications that `journal.record` sends, on one connection."""

    def __init__(self, database: Database) -> None:
        """Take the pool that lends the connection."""
        self._database = database
        self._connection: AsyncConnection | None = None
        # By user, as long as a task waits for the event.
        self._waiting: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._stalled: set[UUID] = set()
        self.notifications = 0  # received so far, about any user

    async def step(self) -> bool:
        """Connect or check the connection; a loop calls this every few seconds."""
        try:
            with translate_connection_errors():
                if self._connection is None:
                    self._connection = await self._listen()
                    self._wake(list(self._waiting))  # nobody was listening until now
                await self._connection.execute(_PING)
                await self._connection.commit()
        except BaseException:
            await self.close()
            raise
        return False

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.invalidate()
                await connection.close()

    def next_notification(self, user_id: UUID) -> asyncio.Event:
        """The event that the next notification about the user sets.

        A task that takes it, then reads the journal, and then waits misses no notification.
        """
        return self._waiting.setdefault(user_id.hex, asyncio.Event())

    async def wait_for(self, user_id: UUID, event_id: UUID, seconds: float) -> None:
        """Wait until the journal has an event of the user, but no longer than the given time.

        When no notification at all arrives in that time, the pipeline is stopped somewhere: the
        same user does not wait again until a notification arrives.
        """
        end, before = time.monotonic() + seconds, self.notifications
        while True:
            notified = self.next_notification(user_id)
            async with self._database.autocommit() as connection:
                if await journal.contains(connection, event_id):
                    return
            left = end - time.monotonic()
            if left <= 0 or user_id in self._stalled:
                break
            await is_set_within(notified, left)
        if self.notifications == before:
            self._stalled.add(user_id)

    async def _listen(self) -> AsyncConnection:
        connection = await self._database.connect()
        raw = await connection.get_raw_connection()
        await raw.driver_connection.add_listener(  # type: ignore[union-attr]
            "journal_reports", self._receive
        )
        return connection

    def _receive(self, _: object, __: int, ___: str, payload: Any) -> None:
        self._wake(payload.split(",") if payload else list(self._waiting))

    def _wake(self, users: Sequence[str]) -> None:
        self.notifications += 1
        self._stalled.clear()
        for user in users:
            if (event := self._waiting.pop(user, None)) is not None:
                event.set()


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but no longer than the given time; return whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
